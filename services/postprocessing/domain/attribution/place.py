"""The same place on the part: the mark of what touches it, a stencil, a mould wall, a clamp, or of the design.

Defective parts with a defect within the radius of one of them, against a binomial chance. Defects never fall evenly on
a picture, they fall on joints and edges; so the chance of a place is that of its area or of one in `places`, whichever
is more. Bonferroni over the defects that are tried as centre.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, pi

from services.postprocessing.domain.attribution.cause import Point, Search


@dataclass(frozen=True)
class Place:
    """Where, how many defective parts have it there, of how many, and the corrected p-value."""

    at: Point
    parts: int
    of_parts: int
    chance: float
    usual: float

    @property
    def confidence(self) -> float:
        return round((1 - self.chance) * max(0.0, self.parts / self.of_parts - self.usual), 3)


def places(seen: Sequence[Sequence[Point]], alpha: float, search: Search) -> list[Place]:
    """All places at which defects meet; `seen` are the centres on each defective part."""
    spots = [(part, point) for part, points in enumerate(seen) for point in points][-search.most_spots :]
    of_parts, found = len({part for part, _ in spots}), list[Place]()
    if of_parts < search.fewest:
        return []
    one = max(pi * search.radius**2, 1 / search.places)
    usual = 1 - (1 - one) ** (len(spots) / of_parts)
    tried = len(spots)
    while spots:
        at, parts = _fullest(spots, search.radius)
        chance = min(1.0, tried * _tail(len(parts) - 1, of_parts - 1, usual))
        if len(parts) < search.fewest or chance > alpha:
            break
        found.append(Place(at, len(parts), of_parts, chance, usual))
        spots = [(part, point) for part, point in spots if not _near(point, at, search.radius)]
    return found


def _fullest(spots: Sequence[tuple[int, Point]], radius: float) -> tuple[Point, frozenset[int]]:
    around = ((at, frozenset(part for part, point in spots if _near(point, at, radius))) for _, at in spots)
    return max(around, key=lambda place: len(place[1]))


def _near(one: Point, other: Point, radius: float) -> bool:
    return hypot(one[0] - other[0], one[1] - other[1]) <= radius


def _tail(least: int, tries: int, p: float) -> float:
    """Chance of `least` or more in `tries`."""
    # A second that a plant without incidents must not pay.
    from scipy.stats import binom  # type: ignore[import-untyped]  # noqa: PLC0415

    return float(binom.sf(least - 1, tries, p))
