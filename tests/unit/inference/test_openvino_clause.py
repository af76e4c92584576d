"""The clause `openvino` is a wish: where it cannot be met, one warning, and the model is served anyway."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

BACKEND = Path("services/inference/backend").resolve()
BESIDE = ("onnx_session", "openvino_sessions", "batches")
IMAGES = np.arange(16, dtype=np.float32).reshape(2, 8)


class Refused(Exception):
    pass


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def backend(monkeypatch, warnings):
    """The backend's modules as its process sees them, with what Triton would give them."""
    logger = SimpleNamespace(log_warn=warnings.append, log_info=lambda text: None)
    monkeypatch.setitem(
        sys.modules, "triton_python_backend_utils", SimpleNamespace(Logger=logger, TritonModelException=Refused)
    )
    monkeypatch.syspath_prepend(str(BACKEND))
    yield importlib.import_module("onnx_session")
    for name in BESIDE:
        sys.modules.pop(name, None)


@pytest.fixture
def folder(tmp_path):
    """x [batch, 8] -> y = 2 x."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "double",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 8])],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), tmp_path / "model.onnx"
    )
    return str(tmp_path)


def config(accelerator="openvino"):
    accelerators = {"cpu_execution_accelerator": [{"name": accelerator}]}
    return {
        "name": "double",
        "max_batch_size": 4,
        "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": ["8"]}],
        "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": ["8"]}],
        "optimization": {"execution_accelerators": accelerators},
    }


def doubled(runner):
    return runner.run(["y"], [{"x": IMAGES}])[0][0]


def test_openvino_serves_what_it_can(backend, folder, warnings):
    if not backend.openvino_sessions.available():
        pytest.fail("the environment is to have onnxruntime-openvino")
    runner = backend.load(config(), folder, "CPU", 0)

    assert "OpenVINOExecutionProvider" in runner.session.get_providers()
    assert np.array_equal(doubled(runner), 2 * IMAGES)
    assert warnings == []


def test_an_onnxruntime_without_openvino_costs_one_warning(backend, folder, warnings, monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    runner = backend.load(config(), folder, "CPU", 0)

    assert runner.session.get_providers() == ["CPUExecutionProvider"]
    assert np.array_equal(doubled(runner), 2 * IMAGES)
    (warning,) = warnings
    assert "model 'double'" in warning
    assert "no OpenVINO provider; CPU provider used" in warning


def test_a_model_that_openvino_does_not_compile_costs_one_warning(backend, folder, warnings, monkeypatch):
    def refuse(*_):
        raise RuntimeError("No suitable implementations\nfor conv_7")

    monkeypatch.setattr(backend.openvino_sessions, "available", lambda: True)
    monkeypatch.setattr(backend.openvino_sessions, "session", refuse)
    runner = backend.load(config(), folder, "CPU", 0)

    assert np.array_equal(doubled(runner), 2 * IMAGES)
    (warning,) = warnings
    assert "No suitable implementations for conv_7; CPU provider used" in warning


def test_an_accelerator_that_nobody_knows_is_refused_as_the_cpp_backend_does(backend, folder):
    with pytest.raises(Refused, match="unknown Execution Accelerator 'openvini' is requested"):
        backend.load(config("openvini"), folder, "CPU", 0)
