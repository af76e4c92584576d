"""Places on a part that count differently, in pixels of its golden template."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from services.postprocessing.domain.candidate import Box

Point = tuple[float, float]
_WHOLE = 1 - 1e-9
"""Of a box's area: rounding must not let a corner look out."""


@dataclass(frozen=True)
class Zone:
    """A polygon that does not cross itself; `critical`, or else ignored. `classes` empty: for all of them."""

    name: str
    critical: bool
    corners: tuple[Point, ...]
    classes: frozenset[str] = frozenset()

    def concerns(self, label: str) -> bool:
        """Whether it says anything about a class."""
        return not self.classes or label in self.classes

    def holds(self, box: Box) -> bool:
        """Whether the box lies wholly within: what reaches out of an ignored place is not ignored."""
        x1, y1, x2, y2 = _solid(box)
        return self._shared_px2((x1, y1, x2, y2)) >= _WHOLE * (x2 - x1) * (y2 - y1)

    def touches(self, box: Box) -> bool:
        """Whether any of the box lies within."""
        return self._shared_px2(_solid(box)) > 0

    def _shared_px2(self, box: Box) -> float:
        """The area that the zone and the box share: Sutherland and Hodgman 1974, a side of the box after the other."""
        if not self._near(box):
            return 0.0
        corners: Sequence[Point] = self.corners
        for axis in (0, 1):
            corners = list(_cut(corners, axis, box[axis], 1))
            corners = list(_cut(corners, axis, box[axis + 2], -1))
        return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in _edges(corners))) / 2

    def _near(self, box: Box) -> bool:
        """Whether their hulls meet: cheap, and mostly no."""
        x1, y1, x2, y2 = self._hull
        return x1 < box[2] and x2 > box[0] and y1 < box[3] and y2 > box[1]

    @cached_property
    def _hull(self) -> Box:
        across, down = zip(*self.corners, strict=True)
        return min(across), min(down), max(across), max(down)


def _solid(box: Box) -> Box:
    """The box, a pixel wide and high at least: a line has no area that could lie anywhere."""
    x1, y1, x2, y2 = box
    wider, higher = max(0.0, 1 - (x2 - x1)) / 2, max(0.0, 1 - (y2 - y1)) / 2
    return x1 - wider, y1 - higher, x2 + wider, y2 + higher


def _edges(corners: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    return zip(corners, (*corners[1:], *corners[:1]), strict=True)


def _cut(corners: Sequence[Point], axis: int, limit: float, sign: int) -> Iterator[Point]:
    """What of a polygon lies above the limit along an axis; with sign -1, below it."""
    for a, b in _edges(corners):
        above_a, above_b = sign * (a[axis] - limit), sign * (b[axis] - limit)
        if above_a >= 0:
            yield a
        if above_a * above_b < 0:
            share = above_a / (above_a - above_b)
            yield a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])
