"""Signed must be what Triton reads, not what lies beside it: every way around the signature is refused with its fix."""

import hashlib
import json
from pathlib import Path

import pytest

from services.chassis.errors import Denied, MeshError, NotFound
from services.contracts.envelope import plan_seal
from services.inference.adapters.model_folders import ModelFolders, Release
from services.inference.adapters.trust import TrustedKeys
from tools.train.sign import sign, signing_key

KEY = "the secret of this node"
CONFIG = 'backend: "onnxruntime"\n'
PLAN = 'platform: "tensorrt_plan"\ndefault_model_filename: "model_int8.plan"\n'


def accelerated(key: str, value: str) -> str:
    parameter = f'parameters {{ key: "{key}" value: "{value}" }}'
    accelerator = f'[ {{ name: "tensorrt" {parameter} }} ]'
    return f"optimization {{ execution_accelerators {{ gpu_execution_accelerator : {accelerator} }} }}"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "models/pcb"
    (folder / "1").mkdir(parents=True)
    (folder / "configs").mkdir()
    files = {"1/model.onnx": b"network", "labels.txt": b"open"}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "config.pbtxt").write_text(CONFIG)
    (folder / "configs/gpu_trt_int8.pbtxt").write_text(PLAN)
    signed = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    sign(folder, {"name": "pcb", "files": signed}, signing_key(tmp_path / "key.pem", tmp_path / "trust"))
    return folder


def check(model: Path, config_name: str = "") -> Release:
    trusted = TrustedKeys(model.parents[1] / "trust")
    return ModelFolders(model.parent, trusted, config_name, KEY).read(model.name)


def refusal(model: Path, config_name: str = "") -> MeshError:
    with pytest.raises(MeshError) as caught:
        check(model, config_name)
    assert caught.value.fix, "a refusal says what to do"
    return caught.value


def test_what_was_signed_is_served_and_papers_and_pictures_may_lie_beside_it(model: Path) -> None:
    for name in ("MODEL_CARD.md", "batching.svg", "configs/gpu_ort_trt.pbtxt"):
        (model / name).write_text("about it")

    check(model)


@pytest.mark.parametrize(
    "name", ["1/model.py", "libtriton_onnxruntime.so", "1/other.onnx", "2/model.onnx", "1/weights"]
)
def test_what_triton_would_run_or_could_choose_is_refused_unsigned(model: Path, name: str) -> None:
    """A backend in the model's folder comes before the installed one."""
    (model / name).parent.mkdir(exist_ok=True)
    (model / name).write_bytes(b"anything")

    assert f"{name} is not in the signed manifest" in str(refusal(model))


@pytest.mark.parametrize("name", ["picture.png", "../../elsewhere.onnx", "../../other/1/model.onnx"])
def test_so_is_another_file_that_the_configuration_names(model: Path, name: str) -> None:
    (model / "1/picture.png").write_bytes(b"an ONNX file by another name")
    (model / "config.pbtxt").write_text(f'{CONFIG}default_model_filename: "{name}"\n')

    assert "would be served, and nobody has signed it" in str(refusal(model))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('runtime: "other.py"', "runtime"),
        ('cc_model_filenames { key: "9.0" value: "other.plan" }', "cc_model_filenames"),
        ('model_operations { op_library_filename: "ops.so" }', "model_operations"),
        ('parameters { key: "EXECUTION_ENV_PATH" value: { string_value: "/tmp/env.tar.gz" } }', "EXECUTION_ENV_PATH"),
        ('parameters { key: "session.model_external_initializers_file_folder_path" value: {} }', "parameter session."),
        ('model_repository_agents { agents { name: "checksum" } }', "model_repository_agents"),
        (
            'output [ { name: "y" data_type: TYPE_FP32 dims: [ 1 ] label_filename: "../../etc/passwd" } ]',
            "label_filename",
        ),
        (
            (
                'model_warmup [ { name: "w" batch_size: 1 inputs { key: "x" value: { data_type: TYPE_UINT8 dims: [ 1 ] '
                'input_data_file: "/etc/passwd" } } } ]'
            ),
            "input_data_file",
        ),
        (accelerated("trt_extra_plugin_lib_paths", "/tmp/theirs.so"), "parameter trt_extra_plugin_lib_paths"),
        (accelerated("trt_engine_cache_path", "/tmp/theirs"), "trt_engine_cache_path other than /var/cache/trt"),
    ],
)
def test_a_configuration_that_runs_code_from_elsewhere_is_refused(model: Path, line: str, what: str) -> None:
    (model / "config.pbtxt").write_text(CONFIG + line)

    error = refusal(model)
    assert isinstance(error, Denied)
    assert what in str(error)
    assert "may have Triton run or read what nobody has signed" in str(error)


def test_another_backend_is_refused(model: Path) -> None:
    (model / "config.pbtxt").write_text('backend: "python"\n')

    assert "backend 'python' is not served" in str(refusal(model))


@pytest.mark.parametrize(
    "config",
    [
        'backend: "onnxruntime"\ndefault_model_filename: "model.plan"\n',
        'backend: "onnxruntime"\nplatform: "tensorrt_plan"\n',
        'platform: "tensorrt_plan"\ndefault_model_filename: "model.onnx"\n',
    ],
)
def test_s2_a_plan_is_no_file_for_onnx_runtime_nor_the_other_way_round(model: Path, config: str) -> None:
    """Its statement was believed, and the bytes were then run as a network that nobody had signed."""
    planned(model, "model.plan")
    (model / "config.pbtxt").write_text(config)

    assert isinstance(refusal(model), Denied)


def test_s1_a_link_is_refused_wherever_it_lies(model: Path, tmp_path: Path) -> None:
    (tmp_path / "evil").mkdir()
    (model / "2").symlink_to(tmp_path / "evil")
    assert "pcb/2 is a link" in str(refusal(model))
    (model / "2").unlink()

    (model / "note.md").symlink_to("/etc/passwd")
    assert "note.md is a link" in str(refusal(model))
    (model / "note.md").unlink()

    model.rename(tmp_path / "elsewhere")
    model.symlink_to(tmp_path / "elsewhere")
    assert "pcb is a link" in str(refusal(model))


def test_the_newest_signed_version_is_served_with_the_digest_of_the_file_that_is_read(model: Path) -> None:
    """Not of model.onnx where the configuration has another one of the signed files served."""
    for version in ("2", "10"):
        (model / version).mkdir()
        (model / version / "model.onnx").write_bytes(version.encode())
        (model / version / "model_fp32.onnx").write_bytes(f"{version} exact".encode())
    (model / "config.pbtxt").write_text(CONFIG + 'default_model_filename: "model_fp32.onnx"\n')
    names = [path.relative_to(model).as_posix() for path in model.glob("*/*.onnx")]
    files = {name: hashlib.sha256((model / name).read_bytes()).hexdigest() for name in (*names, "labels.txt")}
    root = model.parents[1]
    sign(model, {"name": "pcb", "files": files}, signing_key(root / "key.pem", root / "trust"))

    release = check(model)
    assert (release.version, release.digest) == ("10", files["10/model_fp32.onnx"])
    assert set(release.files) == {"10/model.onnx", "10/model_fp32.onnx", "labels.txt"}


def test_what_is_served_is_written_anew_with_one_engine_and_its_file(model: Path) -> None:
    (model / "config.pbtxt").write_text('name: "pcb"\nplatform: "onnxruntime_onnx"\nmax_batch_size: 8\n')

    config = check(model).config
    assert (config.name, config.platform, config.backend) == ("", "", "onnxruntime")
    assert (config.default_model_filename, config.max_batch_size) == ("model.onnx", 8)


def planned(model: Path, name: str = "model_int8.plan", source: bytes = b"network", key: str = KEY) -> None:
    (model / "1" / name).write_bytes(b"plan")
    about = {"source": hashlib.sha256(source).hexdigest(), "sha256": hashlib.sha256(b"plan").hexdigest()}
    seal = plan_seal(key, about["source"], about["sha256"])
    (model / "1" / f"{name}.json").write_text(json.dumps(about | {"seal": seal}))


def test_a_plan_is_served_when_it_was_built_from_what_was_signed(model: Path) -> None:
    planned(model)

    release = check(model, "gpu_trt_int8")
    assert release.digest == hashlib.sha256(b"network").hexdigest()
    assert release.files["1/model_int8.plan"] == hashlib.sha256(b"plan").hexdigest()
    check(model, "no_such_configuration")  # Triton then takes config.pbtxt, and so do we


def test_a_plan_that_another_node_or_nobody_vouches_for_is_refused(model: Path) -> None:
    """Anybody can write a statement for any bytes."""
    planned(model, key="a secret of somebody else")
    error = refusal(model, "gpu_trt_int8")
    assert "its statement is not of this node" in str(error)
    assert "--node-key" in error.fix

    path = model / "1/model_int8.plan.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "seal"}))
    assert isinstance(refusal(model, "gpu_trt_int8"), NotFound)


def test_a_plan_of_the_model_before_is_refused_and_so_is_one_that_changed(model: Path) -> None:
    planned(model, source=b"the network before")
    assert "was built from another model" in str(refusal(model, "gpu_trt_int8"))

    planned(model)
    (model / "1/model_int8.plan").write_bytes(b"another plan")
    error = refusal(model, "gpu_trt_int8")
    assert "or changed since" in str(error)
    assert "jidoka engine build" in error.fix


def test_a_plan_that_was_never_built_is_named_before_triton_is_asked(model: Path) -> None:
    error = refusal(model, "gpu_trt_int8")

    assert isinstance(error, NotFound)
    assert "no plan at" in str(error)
    assert "jidoka engine build" in error.fix
