"""Eight bits may cost nothing but bits: what would lose by them stays as it is, and a repetition gives the same."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
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


def test_heads_and_attention_stay_in_floating_point(quantized: onnx.ModelProto) -> None:
    maker = {name: node.op_type for node in quantized.graph.node for name in node.output}
    floating = {
        node.name
        for node in quantized.graph.node
        if node.op_type in {"Conv", "MatMul"} and maker.get(node.input[1]) != "DequantizeLinear"
    }

    attention = {"/s4/s4.2/MatMul", "/s4/s4.2/MatMul_1"}
    assert floating == {"/classes/Conv", "/box/Conv"} | attention


def test_the_first_convolution_reads_the_bytes_of_the_pictures_themselves(quantized: onnx.ModelProto) -> None:
    (reader,) = (node for node in quantized.graph.node if "images" in node.input)
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in quantized.graph.initializer}
    (first,) = (node for node in quantized.graph.node if reader.output[0] in node.input)

    assert (reader.op_type, first.op_type) == ("DequantizeLinear", "Conv")
    assert [tensors[name] for name in reader.input[1:]] == [1, 0]


def test_one_extreme_value_does_not_coarsen_all_others(exported: Path, quantized: onnx.ModelProto) -> None:
    """Ranges up to the extremes double the error of the boxes: a value in a million may be cut off."""
    images = onnx.helper.make_tensor_value_info("images", onnx.TensorProto.UINT8, [1, 2, SIZE_PX, SIZE_PX])
    name = "/s1/s1.1/s1.1.2/Relu_output_0"
    network = onnx.load(exported)
    network.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    network.graph.input[0].CopyFrom(images)
    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    pictures = [np.stack([pair.part, pair.golden])[None] for pair in pairs(2)]
    highest = max(session.run([name], {"images": picture})[0].max() for picture in pictures)
    (rounding,) = (node for node in quantized.graph.node if node.op_type == "QuantizeLinear" and node.input[0] == name)
    scale = next(t for t in quantized.graph.initializer if t.name == rounding.input[1])

    assert 0.8 * highest < 255 * onnx.numpy_helper.to_array(scale) < highest


def test_activations_are_unsigned_and_weights_signed_seven_bits(quantized: onnx.ModelProto) -> None:
    """A CPU without VNNI adds two products in 16 bits: with all eight bits it would saturate, and nobody would know."""
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in quantized.graph.initializer}
    ranges = {node.input[2] for node in quantized.graph.node if node.op_type == "QuantizeLinear"}
    weights = [array for name, array in tensors.items() if name.endswith("weight_quantized")]

    assert {tensors[name].dtype for name in ranges} == {np.dtype(np.uint8)}
    assert len(weights) == 24
    assert all(array.dtype == np.int8 and np.abs(array.astype(int)).max() <= 64 for array in weights)


def test_no_value_is_converted_between_a_convolution_and_its_relu(quantized: onnx.ModelProto) -> None:
    """That cost a quarter of the time."""
    maker = {name: node.op_type for node in quantized.graph.node for name in node.output}

    assert all(maker[node.input[0]] == "Conv" for node in quantized.graph.node if node.op_type == "Relu")
