"""Signed must be what Triton reads, not what lies beside it: every way around the signature is refused with its fix."""

import hashlib
import json
from pathlib import Path

import pytest

from services.chassis.errors import Denied, MeshError, NotFound
from services.inference.adapters.model_folders import ModelFolders
from services.inference.adapters.trust import TrustedKeys
from tools.train.sign import sign, signing_key

CONFIG = 'backend: "onnxruntime"\n'
PLAN = 'platform: "tensorrt_plan"\ndefault_model_filename: "model_int8.plan"\n'


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
    sign(folder, {"files": signed}, signing_key(tmp_path / "key.pem", tmp_path / "trust"))
    return folder


def check(model: Path, config_name: str = "") -> None:
    trusted = TrustedKeys(model.parents[1] / "trust")
    ModelFolders(model.parent, trusted, config_name).check(model.name)


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
    ],
)
def test_a_configuration_that_runs_code_from_elsewhere_is_refused(model: Path, line: str, what: str) -> None:
    (model / "config.pbtxt").write_text(CONFIG + line)

    error = refusal(model)
    assert isinstance(error, Denied)
    assert f"{what} would run what nobody has signed" in str(error)


def test_another_backend_is_refused(model: Path) -> None:
    (model / "config.pbtxt").write_text('backend: "python"\n')

    assert "backend 'python' would run" in str(refusal(model))


def planned(model: Path, source: bytes = b"network") -> None:
    (model / "1/model_int8.plan").write_bytes(b"plan")
    about = {"source": hashlib.sha256(source).hexdigest(), "sha256": hashlib.sha256(b"plan").hexdigest()}
    (model / "1/model_int8.plan.json").write_text(json.dumps(about))


def test_a_plan_is_served_when_it_was_built_from_what_was_signed(model: Path) -> None:
    planned(model)

    check(model, "gpu_trt_int8")
    check(model, "no_such_configuration")  # Triton then takes config.pbtxt, and so do we


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
