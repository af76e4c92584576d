"""Eight-bit integers for the exported network: half the time on a CPU, a fifth with OpenVINO, and no flaw more or less.

Static QDQ quantisation (Jacob et al. 2018, arXiv:1712.05877): int8 weights per output channel, uint8 activations whose
ranges are those seen on calibration pairs. The same file, pairs and machine give the same bytes.
"""

import io
import logging
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType, quantize_static

from services.preprocessing.domain.registration import register, shift
from tools.boards.board import Pair

_BODY = {"Conv", "Relu", "Add", "Resize"}
_HEAD = "/classes/Conv"
_RANGES = {
    # One value in a million is cut off: those few would make every other one coarser. It halves the error of the boxes
    # on ONNX Runtime's CPU provider, which rounds before every addition; one in ten thousand would cost a point of mAP.
    "CalibPercentile": 99.9999,
    "CalibStridedMinMax": 1,  # pair by pair, whatever the method: all activations of all pairs would fill 10 GB
}

_SYMMETRIC = {"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False}


class _Calibration(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is untyped
    def __init__(self, pairs: Iterable[Pair]) -> None:
        self._pairs = list(pairs)
        self._next: Iterator[Pair] = iter(())

    def __len__(self) -> int:
        return len(self._pairs)

    def set_range(self, start_index: int, end_index: int) -> None:
        """Which pairs `get_next` goes through from now on."""
        self._next = iter(self._pairs[start_index:end_index])

    def get_next(self) -> dict[str, Any] | None:
        """The next pair as the model will see it, golden image registered; None after the last."""
        seen = next(self._next, None)
        if seen is None:
            return None
        found = register(seen.part, seen.golden)
        return {"images": np.stack([seen.part, shift(seen.golden, found.dx, found.dy)])[None]}


def quantize(exported: Path, path: Path, pairs: Iterable[Pair], *, symmetric: bool = False) -> None:
    """Writes the network in `exported` with eight-bit convolutions as `path`; input and output stay as they are.

    `pairs` set the ranges of the activations: show pairs like those of training, never those that judge the model.
    `symmetric` is what TensorRT takes: int8 around zero everywhere, all eight bits of it, biases left alone.
    """
    network = onnx.load(exported)
    logging.disable(logging.WARNING)  # it advises an optimisation that the export has already done
    try:
        with redirect_stdout(io.StringIO()):
            quantize_static(
                network,
                path,
                _Calibration(pairs),
                nodes_to_quantize=_body(network),
                per_channel=True,
                activation_type=QuantType.QInt8 if symmetric else QuantType.QUInt8,  # OpenVINO compiles no int8 ones
                weight_type=QuantType.QInt8,
                # 7 bits: two products fit an int16. With 8 a CPU without VNNI saturates, and nobody would notice; those
                # that have it gain neither time nor accuracy by the last bit.
                reduce_range=not symmetric,
                calibrate_method=CalibrationMethod.Percentile,
                extra_options=_RANGES | (_SYMMETRIC if symmetric else {}),
            )
    finally:
        logging.disable(logging.NOTSET)
    if not symmetric:
        quantized = onnx.load(path)
        _read_bytes(quantized.graph)
        onnx.save(quantized, path)


def _body(network: onnx.ModelProto) -> list[str]:
    """What gains from integers: convolutions, and what lies between them lest values be converted there and back.

    Not the two that give the answer, and nothing behind those. The attention's products and softmax stay as they are
    as well.
    """
    nodes = list(network.graph.node)
    head = next(index for index, node in enumerate(nodes) if node.name == _HEAD)
    return [node.name for node in nodes[:head] if node.op_type in _BODY]


def _read_bytes(graph: onnx.GraphProto) -> None:
    """Lets the first convolution read the pictures as they come: bytes are quantised already, with a scale of one.

    To float and back took a tenth of all the time.
    """
    casts = {node.output[0]: node for node in graph.node if node.op_type == "Cast" and node.input[0] == "images"}
    rounding = [node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] in casts]
    for node in rounding:
        reader = next(other for other in graph.node if other.input and other.input[0] == node.output[0])
        reader.input[:] = ["images", "images_scale", "images_zero_point"]
        graph.node.remove(node)
        graph.node.remove(casts[node.input[0]])
        graph.initializer.append(numpy_helper.from_array(np.array(1, np.float32), "images_scale"))
        graph.initializer.append(numpy_helper.from_array(np.array(0, np.uint8), "images_zero_point"))
    used = {name for node in graph.node for name in node.input}
    for left in [stored for stored in graph.initializer if stored.name not in used]:
        graph.initializer.remove(left)
