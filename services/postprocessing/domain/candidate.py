"""What the model proposes, and which of its boxes speak of the same place."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels of the camera's image; whole numbers are the middles of pixels."""


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

    @property
    def sound(self) -> bool:
        """Whether these are numbers at all: a network that overflows answers NaN, which is below every threshold."""
        return all(map(math.isfinite, self.box)) and 0.0 <= self.score <= 1.0


def places(candidates: Iterable[Candidate], iou: float) -> list[list[Candidate]]:
    """Candidates by place, the surest place first and the surest candidate of each place first.

    Greedy class-agnostic non-maximum suppression that forgets nobody: whoever overlaps a surer candidate by more than
    `iou` belongs to its place. The order in which they come in does not matter, not even among equal scores.
    """
    found: list[list[Candidate]] = []
    for candidate in sorted(candidates, key=lambda c: (-c.score, c.label, c.box)):
        for place in found:
            if overlap(candidate.box, place[0].box) > iou:
                place.append(candidate)
                break
        else:
            found.append([candidate])
    return found


def suppress(candidates: Iterable[Candidate], iou: float) -> list[Candidate]:
    """The surest candidate of each place: one place on a board has one defect."""
    return [place[0] for place in places(candidates, iou)]


def overlap(a: Box, b: Box) -> float:
    """Intersection over union, 0..1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union
