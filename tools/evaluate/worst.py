"""The pictures on which the mesh did worst, drawn so that a person can see why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from tools.boards.board import LABELS, Image
from tools.evaluate.cases import Case
from tools.evaluate.figures import IOU
from tools.train.metrics import Array, alarms, hits, overlaps

_GREEN, _ORANGE, _RED = (80, 160, 40), (0, 140, 255), (50, 40, 220)


@dataclass(frozen=True)
class Mistakes:
    """Of one picture: alarms that are right, alarms that are wrong, and defects that nothing right was said about."""

    index: int
    image: str
    right: Array
    wrong: Array
    missed: Array

    def as_json(self) -> dict[str, Any]:
        """What the report says about it."""
        return {
            "image": self.image,
            "missed": [LABELS[int(kind)] for kind in self.missed[:, 4]],
            "wrong": [f"{LABELS[int(row[5])]} {row[4]:.2f}" for row in self.wrong.tolist()],
        }


def worst(parts: Sequence[Case], threshold: float, count: int) -> list[Mistakes]:
    """Up to `count` pictures with mistakes, most mistakes first, then the most certain wrong alarm."""
    found = (mistakes(index, part, threshold) for index, part in enumerate(parts))
    ranked = sorted((m for m in found if len(m.wrong) + len(m.missed)), key=_badness, reverse=True)
    return ranked[:count]


def mistakes(index: int, part: Case, threshold: float) -> Mistakes:
    """What the verdict on a picture gets wrong, at IoU 0.33; a wrong class is a wrong alarm and a missed defect."""
    said, truth = alarms(part.judged.found, threshold), part.judged.truth
    right = hits(said, truth, IOU)
    alike = said[right][:, None, 5] == truth[None, :, 4]
    found = (alike & (overlaps(said[right], truth) >= IOU)).any(0)
    return Mistakes(index, part.image, said[right], said[~right], truth[~found])


def _badness(of: Mistakes) -> tuple[int, float]:
    return len(of.wrong) + len(of.missed), float(of.wrong[:, 4].max(initial=0))


def draw(part: Image, of: Mistakes) -> bytes:
    """The part as PNG: right alarms green, wrong ones red, missed defects orange."""
    pale = (part // 3 + 170).astype(np.uint8, copy=False)  # so that the boxes stand out
    picture = cv2.cvtColor(pale, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    for found, colour in ((of.right, _GREEN), (of.wrong, _RED)):
        _boxes(picture, found, colour, (f"{LABELS[int(row[5])]} {row[4]:.2f}" for row in found.tolist()))
    _boxes(picture, of.missed, _ORANGE, (f"missed {LABELS[int(row[4])]}" for row in of.missed.tolist()), below=True)
    return bytes(cv2.imencode(".png", picture)[1].tobytes())


def _boxes(
    picture: Image, boxes: Array, colour: tuple[int, int, int], captions: Iterable[str], *, below: bool = False
) -> None:
    for (x1, y1, x2, y2), caption in zip(np.rint(boxes[:, :4]).astype(int).tolist(), captions, strict=True):
        cv2.rectangle(picture, (x1, y1), (x2, y2), colour, 2)
        start = x1, y2 + 14 if below else max(12, y1 - 4)
        cv2.putText(picture, caption, start, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
