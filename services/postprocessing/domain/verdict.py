"""One part: from the boxes that the model proposes to PASS, FAIL or INCONCLUSIVE."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels of the camera's image."""


class Outcome(Enum):
    PASS = "PASS"  # noqa: S105  # not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True)
class Candidate:
    """A box that the model proposes; `score` is 0..1."""

    label: str
    box: Box
    score: float

    @property
    def area_px2(self) -> float:
        x1, y1, x2, y2 = self.box
        return max(0.0, x2 - x1) * max(0.0, y2 - y1)


@dataclass(frozen=True)
class Limits:
    """What a recipe tolerates."""

    thresholds: Mapping[str, float]
    inconclusive_band: float
    nms_iou: float


@dataclass(frozen=True)
class Judgement:
    """The outcome, the defects that count and one sentence for each reason."""

    outcome: Outcome
    defects: tuple[Candidate, ...]
    reasons: tuple[str, ...]


def judge(candidates: Iterable[Candidate], quality_findings: Sequence[str], limits: Limits) -> Judgement:
    """Judge one part.

    A picture that proves nothing is INCONCLUSIVE whatever the model says; so is a best candidate inside the band below
    its threshold, and one whose label the recipe does not know: what nobody specified is never a PASS.
    """
    if quality_findings:
        return Judgement(Outcome.INCONCLUSIVE, (), tuple(quality_findings))
    kept = suppress(candidates, limits.nms_iou)
    defects = tuple(c for c in kept if c.score >= limits.thresholds.get(c.label, float("inf")))
    if defects:
        return Judgement(Outcome.FAIL, defects, tuple(f"{c.label} at score {c.score:.2f}" for c in defects))
    floor = min(limits.thresholds.values()) - limits.inconclusive_band
    doubts = [c for c in kept if c.score >= limits.thresholds.get(c.label, floor) - limits.inconclusive_band]
    if doubts:
        reasons = tuple(f"perhaps {c.label}: score {c.score:.2f} is too close to its threshold" for c in doubts)
        return Judgement(Outcome.INCONCLUSIVE, (), reasons)
    return Judgement(Outcome.PASS, (), ())


def suppress(candidates: Iterable[Candidate], iou: float) -> list[Candidate]:
    """Greedy class-agnostic non-maximum suppression: one place on a board has one defect."""
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: c.score, reverse=True):
        if all(overlap(candidate.box, other.box) <= iou for other in kept):
            kept.append(candidate)
    return kept


def overlap(a: Box, b: Box) -> float:
    """Intersection over union, 0..1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union
