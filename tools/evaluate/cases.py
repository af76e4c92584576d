"""One picture judged: what postprocessing makes of its candidates, next to the truth."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.postprocessing.domain.candidate import Candidate, suppress
from services.postprocessing.domain.limits import Limits
from services.postprocessing.domain.verdict import judge
from tools.boards.board import LABELS
from tools.evaluate.served import Sight
from tools.train.metrics import Array, Judged

MIN_SCORE = 0.01
"""Weaker candidates say nothing."""


@dataclass(frozen=True)
class Case:
    """One picture. `image` as the split file names it; `judged` holds its ranked detections next to the truth."""

    image: str
    judged: Judged
    findings: list[str]
    """Why the quality gate would make this part INCONCLUSIVE."""
    timings_ms: dict[str, float]


def case(image: str, sight: Sight, truth: Array, threshold: float, nms_iou: float) -> Case:
    """What was seen on a picture, best first, as rows x1 y1 x2 y2 score class."""
    found = ranked([c for c in sight.candidates if c.score > MIN_SCORE], threshold, nms_iou)
    return Case(image, Judged(_rows(found), truth), sight.findings, sight.timings_ms)


def ranked(candidates: Sequence[Candidate], threshold: float, nms_iou: float) -> list[Candidate]:
    """The candidates after suppression within each class; those at or above the threshold are the verdict's defects.

    A verdict gives each place to one class, but average precision is defined class by class: a candidate that lost its
    place to another class stays in the ranking, its score multiplied by the threshold, behind all that was decided.
    """
    defects = {defect.candidate for defect in judge(candidates, (), Limits.same(LABELS, threshold, nms_iou)).defects}
    lost = {c for c in candidates if c.score >= threshold} - defects
    moved = [replace(c, score=c.score * threshold) if c in lost else c for c in candidates]
    kept = [c for label in LABELS for c in suppress((c for c in moved if c.label == label), nms_iou)]
    return sorted(kept, key=lambda c: c.score, reverse=True)


def _rows(candidates: Iterable[Candidate]) -> Array:
    return np.array([(*c.box, c.score, LABELS.index(c.label)) for c in candidates], np.float32).reshape(-1, 6)
