"""Engines by what they depend on; a machine that cannot build them says so in one line.

TensorRT itself is no package that a test could install: a double stands in its place, with the calls of its version 10.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from services.chassis.errors import Denied
from services.inference.adapters.model_folders import ModelFolders
from services.inference.adapters.trust import TrustedKeys
from tools.cli import app
from tools.engine.build import NoEngine, Target, build, node_key, target
from tools.train.sign import sign, signing_key

KEY = "the secret of this node"
SOURCES = "1/model_fp32.onnx", "1/model_qdq.onnx"


class Double:
    """Records what is asked of TensorRT; `plan` is what it builds."""

    __version__ = "10.8.0.43"

    def __init__(self, plan: bytes | None = b"plan", readable: bool = True) -> None:
        self.flags: list[str] = []
        self.shapes: tuple[Any, ...] = ()
        self.builds = 0
        self.Logger = type("Logger", (), {"WARNING": 2, "__init__": lambda *_: None})
        self.BuilderFlag = SimpleNamespace(FP16="fp16", INT8="int8")
        self.MemoryPoolType = SimpleNamespace(WORKSPACE="workspace")
        profile = SimpleNamespace(set_shape=lambda _, *shapes: setattr(self, "shapes", shapes))
        config = SimpleNamespace(
            set_memory_pool_limit=lambda *_: None, set_flag=self.flags.append, add_optimization_profile=lambda _: 0
        )

        def serialized(*_: object) -> bytes | None:
            self.builds += 1
            return plan

        self.Builder = lambda _: SimpleNamespace(
            create_network=lambda _: object(),
            create_builder_config=lambda: config,
            create_optimization_profile=lambda: profile,
            build_serialized_network=serialized,
        )
        self.OnnxParser = lambda *_: SimpleNamespace(
            parse=lambda _: readable, num_errors=1, get_error=lambda _: "unsupported node"
        )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "models/pcb_detector"
    (folder / "1").mkdir(parents=True)
    signed(folder, "first")
    return folder


def signed(folder: Path, network: str) -> None:
    files = {name: f"{network} {name}".encode() for name in SOURCES}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    root = folder.parents[1]
    sign(folder, {"name": folder.name, "files": digests}, signing_key(root / "key.pem", root / "trust"))


def built(model: Path, precision: str = "int8") -> Path:
    root = model.parents[1]
    return build(model, root / "cache", precision, root / "trust", KEY)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = SimpleNamespace(stdout="NVIDIA H200, 570.86.15\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)


def test_a_plan_is_built_once_for_each_gpu_driver_tensorrt_and_model(model, tmp_path, gpu, monkeypatch):
    double = Double()
    monkeypatch.setitem(sys.modules, "tensorrt", double)

    for _ in range(2):
        assert built(model).read_bytes() == b"plan"
    assert double.builds == 1
    assert double.flags == ["fp16", "int8"]
    assert double.shapes == ((1, 2, 640, 640), (4, 2, 640, 640), (8, 2, 640, 640))
    (kept,) = (tmp_path / "cache").iterdir()
    assert kept.name.startswith("NVIDIA-H200_driver-570.86.15_trt-10.8.0.43_int8_")
    assert json.loads((kept / "engine.json").read_text())["gpu"] == "NVIDIA H200"

    signed(model, "another network")
    built(model)
    double.__version__ = "10.9.0"
    built(model)
    built(model, "fp16")
    assert double.builds == 4
    assert {path.name for path in (model / "1").glob("*plan*")} == {
        *("model_fp16.plan", "model_fp16.plan.json", "model_int8.plan", "model_int8.plan.json")
    }


def test_a_plan_says_what_it_was_built_from_and_the_service_believes_it(model, tmp_path, gpu, monkeypatch):
    (model / "1/model.onnx").write_bytes(b"for CPUs")
    monkeypatch.setitem(sys.modules, "tensorrt", Double())
    (model / "config.pbtxt").write_text('platform: "tensorrt_plan"\ndefault_model_filename: "model_fp16.plan"\n')
    (model / "labels.txt").write_text("open")
    names = ("1/model.onnx", "labels.txt", *SOURCES)
    files = {name: hashlib.sha256((model / name).read_bytes()).hexdigest() for name in names}
    sign(model, {"name": model.name, "files": files}, signing_key(tmp_path / "key.pem", tmp_path / "trust"))

    built(model, "fp16")

    trusted = TrustedKeys(tmp_path / "trust")
    release = ModelFolders(model.parent, trusted, node_key=KEY).read(model.name)
    assert release.digest == files["1/model_fp32.onnx"]
    assert release.files["1/model_fp16.plan"] == hashlib.sha256(b"plan").hexdigest()
    for stranger in ("", "the secret of another node"):
        with pytest.raises(Denied, match="is not of this node"):
            ModelFolders(model.parent, trusted, node_key=stranger).check(model.name)


def test_a_plan_that_somebody_put_into_the_cache_is_built_anew(model, tmp_path, gpu, monkeypatch):
    """Its statement can be written by anybody, its seal cannot."""
    double = Double()
    monkeypatch.setitem(sys.modules, "tensorrt", double)
    built(model)
    (kept,) = (tmp_path / "cache").iterdir()
    stated = json.loads((kept / "engine.json").read_text())
    (kept / "model.plan").write_bytes(b"theirs")
    (kept / "engine.json").write_text(json.dumps(stated | {"sha256": hashlib.sha256(b"theirs").hexdigest()}))

    assert built(model).read_bytes() == b"plan"


def test_the_key_of_a_node_is_made_once_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "engines/node.key"

    assert node_key(path) == node_key(path)
    assert len(node_key(path)) == 64
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_plan_that_was_damaged_in_the_cache_is_built_anew(model, tmp_path, gpu, monkeypatch):
    double = Double()
    monkeypatch.setitem(sys.modules, "tensorrt", double)
    built(model)
    (kept,) = (tmp_path / "cache").iterdir()
    (kept / "model.plan").write_bytes(b"pl")

    assert built(model).read_bytes() == b"plan"
    assert double.builds == 2


def test_what_nobody_has_signed_is_not_built(model, tmp_path, gpu, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", Double())
    (model / "1/model_qdq.onnx").write_bytes(b"a stranger's network")

    with pytest.raises(Denied, match="is not the file that was signed"):
        built(model)
    assert not (tmp_path / "cache").exists()


def test_another_version_of_tensorrt_is_named_with_the_one_to_take(model, gpu, monkeypatch):
    """11 has no precision flags: the build would end in a stack trace."""
    double = Double()
    double.__version__ = "11.4.0.106"
    monkeypatch.setitem(sys.modules, "tensorrt", double)

    with pytest.raises(NoEngine, match=r"TensorRT 11\.4\.0\.106 is installed, not 10\.x: take"):
        built(model)


def test_a_gpu_that_cuda_cannot_use_is_one_line_and_no_null_pointer(model, gpu, monkeypatch):
    def null(_: object) -> None:
        raise TypeError("pybind11::init(): factory function returned nullptr")

    double = Double()
    double.Builder = null
    monkeypatch.setitem(sys.modules, "tensorrt", double)

    with pytest.raises(NoEngine, match="the driver is too old for this TensorRT"):
        built(model)


def test_a_key_names_all_that_a_plan_depends_on():
    here = Target("NVIDIA RTX A2000 12GB", "570.86", "10.8.0")

    assert here.key("ab" * 32, "fp16") == "NVIDIA-RTX-A2000-12GB_driver-570.86_trt-10.8.0_fp16_abababababababab"


@pytest.mark.parametrize(
    ("double", "says"),
    [(Double(plan=None), "gave no plan"), (Double(readable=False), "cannot read .*unsupported node")],
)
def test_a_failed_build_leaves_nothing_that_looks_like_a_plan(model, tmp_path, gpu, monkeypatch, double, says):
    monkeypatch.setitem(sys.modules, "tensorrt", double)
    with pytest.raises(NoEngine, match=says):
        built(model, "fp16")

    assert not list(tmp_path.rglob("*.plan"))


def test_without_a_gpu_one_line_says_so(monkeypatch):
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError("nvidia-smi")

    monkeypatch.setattr(subprocess, "run", missing)
    with pytest.raises(NoEngine, match=r"no NVIDIA GPU to build for .* run this job on the node that will serve"):
        target(Double())


def test_without_tensorrt_one_line_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    done = CliRunner().invoke(app, ["engine", "build"])

    assert done.exit_code == 1
    assert len(done.output.strip().splitlines()) == 1
    assert "TensorRT is not installed" in done.output
