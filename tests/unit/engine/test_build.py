"""Engines by what they depend on; a machine that cannot build them says so in one line.

TensorRT itself is no package that a test could install: a double stands in its place, with the calls of its version 10.
"""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from tools.cli import app
from tools.engine.build import NoEngine, Target, build, target


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
    for name in ("model_fp32.onnx", "model_qdq.onnx"):
        (folder / "1" / name).write_bytes(name.encode())
    return folder


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = SimpleNamespace(stdout="NVIDIA H200, 570.86.15\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)


def test_a_plan_is_built_once_for_each_gpu_driver_tensorrt_and_model(model, tmp_path, gpu, monkeypatch):
    double = Double()
    monkeypatch.setitem(sys.modules, "tensorrt", double)
    cache = tmp_path / "cache"

    for _ in range(2):
        assert build(model, cache, "int8").read_bytes() == b"plan"
    assert double.builds == 1
    assert double.flags == ["fp16", "int8"]
    assert double.shapes == ((1, 2, 640, 640), (4, 2, 640, 640), (8, 2, 640, 640))
    (kept,) = cache.iterdir()
    assert kept.name.startswith("NVIDIA-H200_driver-570.86.15_trt-10.8.0.43_int8_")
    assert json.loads((kept / "engine.json").read_text())["gpu"] == "NVIDIA H200"

    (model / "1/model_qdq.onnx").write_bytes(b"another network")
    build(model, cache, "int8")
    double.__version__ = "10.9.0"
    build(model, cache, "int8")
    build(model, cache, "fp16")
    assert double.builds == 4
    assert (model / "1/model_fp16.plan").is_file()


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
        build(model, tmp_path / "cache", "fp16")

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
