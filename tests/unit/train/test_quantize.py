"""Eight bits may cost nothing but bits: what would lose by them stays as it is, and a repetition gives the same."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from tools.boards.board import Image, Pair
from tools.train.export import export
from tools.train.model import PairDetector
from tools.train.quantize import quantize

SIZE_PX = 128


def pairs(count: int) -> list[Pair]:
    rng = np.random.default_rng(0)

    def image() -> Image:
        return (rng.integers(0, 2, (SIZE_PX, SIZE_PX)) * 255).astype(np.uint8)

    return [Pair(str(number), "1", image(), image(), ()) for number in range(count)]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "model_fp32.onnx"
    export(PairDetector().eval(), path, SIZE_PX)
    return path


@pytest.fixture(scope="module")
def quantized(exported: Path) -> onnx.ModelProto:
    path = exported.with_name("model.onnx")
    quantize(exported, path, pairs(2))
    return onnx.load(path)


def test_the_same_pairs_give_the_same_bytes(exported: Path, quantized: onnx.ModelProto, tmp_path: Path) -> None:
    quantize(exported, tmp_path / "again.onnx", pairs(2))

    assert (tmp_path / "again.onnx").read_bytes() == quantized.SerializeToString()


def test_stem_heads_and_attention_stay_in_floating_point(quantized: onnx.ModelProto) -> None:
    maker = {name: node.op_type for node in quantized.graph.node for name in node.output}
    floating = {
        node.name
        for node in quantized.graph.node
        if node.op_type in {"Conv", "MatMul"} and maker.get(node.input[1]) != "DequantizeLinear"
    }

    attention = {"/s4/s4.2/MatMul", "/s4/s4.2/MatMul_1"}
    assert floating == {"/s1/s1.0/s1.0.0/Conv", "/classes/Conv", "/box/Conv"} | attention


def test_activations_are_unsigned_and_weights_signed_seven_bits(quantized: onnx.ModelProto) -> None:
    """A CPU without VNNI adds two products in 16 bits: with all eight bits it would saturate, and nobody would know."""
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in quantized.graph.initializer}
    ranges = {node.input[2] for node in quantized.graph.node if node.op_type == "QuantizeLinear"}
    weights = [array for name, array in tensors.items() if name.endswith("weight_quantized")]

    assert {tensors[name].dtype for name in ranges} == {np.dtype(np.uint8)}
    assert len(weights) == 23
    assert all(array.dtype == np.int8 and np.abs(array.astype(int)).max() <= 64 for array in weights)


def test_no_value_is_converted_between_a_convolution_and_its_relu(quantized: onnx.ModelProto) -> None:
    """That cost a quarter of the time."""
    maker = {name: node.op_type for node in quantized.graph.node for name in node.output}

    assert all(maker[node.input[0]] == "Conv" for node in quantized.graph.node if node.op_type == "Relu")
