"""How much a variant of the model sees: the figure without which its speed means nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from services.preprocessing.domain.registration import register, shift
from tools.bench.variants import INPUT, OUTPUT, Images
from tools.boards.board import Image, Pair
from tools.boards.deeppcb import DeepPcb
from tools.evaluate.good_boards import good_boards
from tools.train.metrics import Array, Judged, alarms, at_threshold, boxes_of, mean_average_precision

_COCO = tuple(step / 100 for step in range(50, 100, 5))


@dataclass(frozen=True)
class Bench:
    """What the network is shown: registered pairs with their truth, and good boards."""

    parts: Sequence[Images]
    truths: Sequence[Array]
    good: Sequence[Images]

    @classmethod
    def of(cls, data: Path, groups: Sequence[str]) -> "Bench":
        """All pairs of these groups and four good boards from each golden image. Raises BoardError."""
        pairs = DeepPcb(data).only(groups)[:]
        good = [registered(part, of.golden) for number, of in enumerate(pairs) for part in _good(of, number)]
        return cls([registered(of.part, of.golden) for of in pairs], [boxes_of(of) for of in pairs], good)


def registered(part: Image, golden: Image) -> Images:
    """The pair as the mesh shows it to the network, uint8 [1, 2, H, W]."""
    found = register(part, golden)
    return np.stack([part, shift(golden, found.dx, found.dy)])[None]


def _good(of: Pair, number: int) -> Iterable[Image]:
    encoded = bytes(cv2.imencode(".png", of.golden)[1].tobytes())
    for part in good_boards(of.golden, encoded, number).values():
        decoded = cv2.imdecode(np.frombuffer(part, np.uint8), cv2.IMREAD_GRAYSCALE)
        yield np.asarray(decoded, np.uint8)


def accuracy(session: Any, bench: Bench, threshold: float) -> dict[str, float]:
    """Mean average precisions, what the frozen threshold makes of it, and the share of good boards with an alarm."""
    judged = [Judged(_detections(session, x), truth) for x, truth in zip(bench.parts, bench.truths, strict=True)]
    alarmed = [bool(len(alarms(_detections(session, x), threshold))) for x in bench.good]
    at = at_threshold(judged, threshold)
    figures = {
        "map33": mean_average_precision(judged, 0.33),
        "map50": mean_average_precision(judged, 0.5),
        "map50_95": float(np.mean([mean_average_precision(judged, limit) for limit in _COCO])),
        "precision": at["precision"],
        "recall": at["recall"],
        "f": at["f"],
        "false_alarms": float(np.mean(alarmed)),
    }
    return {name: round(value, 4) for name, value in figures.items()}


def _detections(session: Any, images: Images) -> Array:
    return np.asarray(session.run([OUTPUT], {INPUT: images})[0][0], np.float32)
