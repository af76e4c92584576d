"""The served model and the papers beside it agree; Triton itself would only say so at start, without a reason."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from google.protobuf import text_format
from onnx import numpy_helper
from tritonclient.grpc import model_config_pb2

from services.contracts import plant
from services.inference.adapters.trust import TrustedKeys
from tools.boards.board import LABELS
from tools.boards.generator import pair
from tools.train.evaluate import Detector
from tools.train.gate import EXACT
from tools.train.manifest import EXPORTED, SYMMETRIC, threshold
from tools.train.metrics import alarms, hits, suppress

ROOT = Path(__file__).parents[3]
MODEL = ROOT / "model_repository/pcb_detector"
CONFIGS = ["config.pbtxt", *(f"configs/{path.name}" for path in sorted((MODEL / "configs").iterdir()))]


@pytest.mark.parametrize("name", CONFIGS)
def test_configurations_describe_the_model(name: str) -> None:
    config = text_format.Parse((MODEL / name).read_text(), model_config_pb2.ModelConfig())
    sources = {"": "model.onnx", "model_fp16.plan": "model_fp32.onnx", "model_int8.plan": "model_qdq.onnx"}
    file = sources.get(config.default_model_filename, config.default_model_filename)
    session = ort.InferenceSession(str(MODEL / "1" / file), providers=["CPUExecutionProvider"])
    (given,), (returned,) = session.get_inputs(), session.get_outputs()

    assert (config.input[0].name, list(config.input[0].dims)) == (given.name, given.shape[1:])
    assert (config.output[0].name, list(config.output[0].dims)) == (returned.name, returned.shape[1:])
    assert config.input[0].data_type == model_config_pb2.TYPE_UINT8
    assert len(config.instance_group) == 1


def test_tensorrt_never_meets_the_file_for_cpus() -> None:
    """TensorRT takes symmetric int8 only; the activations of model.onnx are uint8 with zero points."""
    plain = {node.op_type for node in onnx.load(MODEL / EXPORTED).graph.node}
    assert "QuantizeLinear" not in plain

    graph = onnx.load(MODEL / SYMMETRIC).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    rounding = [node for node in graph.node if node.op_type in {"QuantizeLinear", "DequantizeLinear"}]
    zeros = [stored[node.input[2]] for node in rounding]
    assert len(zeros) > 50
    assert all(zero.dtype == np.int8 and not zero.any() for zero in zeros)


def test_the_shipped_model_is_signed_by_a_key_that_is_trusted_here() -> None:
    manifest = TrustedKeys(ROOT / "deploy/trust/models").verify(MODEL)

    assert manifest["name"] == "pcb_detector"
    assert manifest["files"].keys() == {"1/model.onnx", "1/model_fp32.onnx", "1/model_qdq.onnx", "labels.txt"}
    assert manifest["parameters"] <= 2_000_000
    assert manifest["parity"]["largest_drift"]["torch, exported"]["score"] <= EXACT.score
    assert manifest["parity"]["largest_drift"]["eight bits, served"]["score"] <= EXACT.score


def test_demo_plant_decides_at_the_frozen_threshold() -> None:
    (recipe,) = plant.load(ROOT / "deploy/plants/demo.yaml").recipes

    assert recipe.thresholds == pytest.approx(dict.fromkeys(LABELS, threshold(MODEL)), abs=5e-4)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_eight_bits_see_what_the_trained_network_sees(number: int) -> None:
    board = pair(number)
    served, trained = (
        suppress(alarms(Detector(MODEL / "1" / file, threads=1)(board.part, board.golden), threshold(MODEL)))
        for file in ("model.onnx", "model_fp32.onnx")
    )

    assert len(served) == len(trained) > 0
    assert hits(served, trained[:, [0, 1, 2, 3, 5]], limit=0.8).all()


def test_labels_are_in_the_network_s_order() -> None:
    assert (MODEL / "labels.txt").read_text().split() == list(LABELS)
