"""Eight-bit integers for the exported network: half the time on a CPU, and no flaw more or less.

Static QDQ quantisation (Jacob et al. 2018, arXiv:1712.05877): int8 weights per output channel, uint8 activations whose
ranges are the extremes seen on calibration pairs. The same file, pairs and machine give the same bytes.
"""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

from services.preprocessing.domain.registration import register, shift
from tools.boards.board import Pair

_BODY = {"Conv", "Relu", "Add", "Resize"}
_STEM, _HEAD = "/s1/s1.1/s1.1.0/Conv", "/classes/Conv"


class _Calibration(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is untyped
    def __init__(self, pairs: Iterable[Pair]) -> None:
        self._pairs = iter(pairs)

    def get_next(self) -> dict[str, Any] | None:
        """The next pair as the model will see it, golden image registered; None after the last."""
        seen = next(self._pairs, None)
        if seen is None:
            return None
        found = register(seen.part, seen.golden)
        return {"images": np.stack([seen.part, shift(seen.golden, found.dx, found.dy)])[None]}


def quantize(exported: Path, path: Path, pairs: Iterable[Pair]) -> None:
    """Writes the network in `exported` with eight-bit convolutions as `path`; input and output stay as they are.

    `pairs` set the ranges of the activations: show pairs like those of training, never those that judge the model.
    """
    network = onnx.load(exported)
    logging.disable(logging.WARNING)  # it advises an optimisation that the export has already done
    try:
        quantize_static(
            network,
            path,
            _Calibration(pairs),
            nodes_to_quantize=_body(network),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            reduce_range=True,  # 7 bits: two products fit an int16, so CPUs without VNNI do not saturate
        )
    finally:
        logging.disable(logging.NOTSET)


def _body(network: onnx.ModelProto) -> list[str]:
    """What gains from integers: convolutions, and what lies between them lest values be converted there and back.

    Not the first one (18 inputs per output: six times slower in integers), not the two that give the answer, and
    nothing behind those. The attention's products and softmax stay as they are as well.
    """
    names = [node.name for node in network.graph.node]
    body = network.graph.node[names.index(_STEM) : names.index(_HEAD)]
    return [node.name for node in body if node.op_type in _BODY]
