"""The served model and the papers beside it agree; Triton itself would only say so at start, without a reason."""

import hashlib
import json
from pathlib import Path

import onnxruntime as ort
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from tools.boards.board import LABELS

MODEL = Path(__file__).parents[3] / "model_repository/pcb_detector"


@pytest.mark.parametrize("name", ["config.pbtxt", "configs/gpu_ort_trt.pbtxt", "configs/gpu_trt.pbtxt"])
def test_configurations_describe_the_model(name: str) -> None:
    config = text_format.Parse((MODEL / name).read_text(), model_config_pb2.ModelConfig())
    session = ort.InferenceSession(str(MODEL / "1/model.onnx"), providers=["CPUExecutionProvider"])
    (given,), (returned,) = session.get_inputs(), session.get_outputs()

    assert (config.input[0].name, list(config.input[0].dims)) == (given.name, given.shape[1:])
    assert (config.output[0].name, list(config.output[0].dims)) == (returned.name, returned.shape[1:])
    assert config.input[0].data_type == model_config_pb2.TYPE_UINT8
    assert len(config.instance_group) == 1


def test_manifest_belongs_to_this_file() -> None:
    manifest = json.loads((MODEL / "manifest.json").read_text())

    assert manifest["sha256"] == hashlib.sha256((MODEL / "1/model.onnx").read_bytes()).hexdigest()
    assert 0 < manifest["threshold"] < 1


def test_labels_are_in_the_network_s_order() -> None:
    assert (MODEL / "labels.txt").read_text().split() == list(LABELS)
