"""How much a variant of the model sees: the figure without which its speed means nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from services.contracts.recipe import Extent
from services.preprocessing.domain.extent import ExtentLimits, tighten
from services.preprocessing.domain.registration import register, shift
from tools.bench.variants import INPUT, OUTPUT, Images
from tools.boards.board import LABELS, Image, Pair
from tools.boards.deeppcb import DeepPcb
from tools.boards.generator import pair
from tools.evaluate.good_boards import good_boards
from tools.train.metrics import Array, Judged, alarms, at_threshold, boxes_of, mean_average_precision

_COCO = tuple(step / 100 for step in range(50, 100, 5))
_FIRST_BOARD = 500_000
"""Training has those from a million on; the demo and the evaluation the lowest."""
_MEASURED = Extent(margin_px=10)
"""As recipes for DeepPCB and for the generator's boards have it."""


@dataclass(frozen=True)
class Bench:
    """What the network is shown: registered pairs with their truth, and good boards."""

    parts: Sequence[Images]
    truths: Sequence[Array]
    good: Sequence[Images]

    @classmethod
    def of(cls, data: Path, groups: Sequence[str]) -> "Bench":
        """All pairs of these groups. Raises BoardError; ValueError when there is no such group."""
        known = DeepPcb(data)
        if unknown := set(groups) - set(known.groups):
            raise ValueError(f"--holdout: no group {', '.join(sorted(unknown))}; {data} has {', '.join(known.groups)}")
        return cls.from_pairs(known.only(groups)[:])

    @classmethod
    def drawn(cls, boards: int) -> "Bench":
        """So many boards of the generator, which no run was trained on, with one flaw of each class."""
        return cls.from_pairs([pair(_FIRST_BOARD + number, LABELS) for number in range(boards)])

    @classmethod
    def from_pairs(cls, pairs: Sequence[Pair]) -> "Bench":
        """These pairs, and four good boards from the golden image of each."""
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
    """Mean average precisions, what the frozen threshold makes of it, and the share of good boards with an alarm.

    `map50_95` is of the network's own boxes, `map50_95_measured` of what the mesh makes of them.
    """
    judged = [Judged(_detections(session, x), truth) for x, truth in zip(bench.parts, bench.truths, strict=True)]
    measured = [Judged(_measured(x, of.found), of.truth) for x, of in zip(bench.parts, judged, strict=True)]
    alarmed = [bool(len(alarms(_detections(session, x), threshold))) for x in bench.good]
    at = at_threshold(judged, threshold)
    figures = {
        "map33": mean_average_precision(judged, 0.33),
        "map50": mean_average_precision(judged, 0.5),
        "map50_95": _strict(judged),
        "map50_95_measured": _strict(measured),
        "precision": at["precision"],
        "recall": at["recall"],
        "f": at["f"],
        "false_alarms": float(np.mean(alarmed)),
    }
    return {name: round(value, 4) for name, value in figures.items()}


def _strict(judged: Sequence[Judged]) -> float:
    return float(np.mean([mean_average_precision(judged, limit) for limit in _COCO]))


def _detections(session: Any, images: Images) -> Array:
    return np.asarray(session.run([OUTPUT], {INPUT: images})[0][0], np.float32)


def _measured(images: Images, found: Array) -> Array:
    """Detections with their sides where the part differs from its golden image, as preprocessing does it."""
    limits = ExtentLimits(**_MEASURED.model_dump(exclude={"min_score"}))
    strong = found[:, 4] >= _MEASURED.min_score
    moved = found.copy()
    moved[strong, :4] = tighten(images[0, 0], images[0, 1], found[strong, :4], limits)
    return moved
