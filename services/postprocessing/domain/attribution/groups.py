"""Groups of parts, each against the rest: the worst is named, its parts are set aside, and the rest is asked again.

Fisher's exact test, one-sided, Bonferroni over all groups of a family. Setting parts aside is what tells a cause from
its shadow: a tool that mostly serves the bad cavity looks bad until that cavity's parts are gone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Name = tuple[str, str]
"""Kind and value."""


@dataclass(frozen=True)
class Group:
    """Parts, by number, that have something in common; compared within `scope`, one of `family` that are tried."""

    parts: frozenset[int]
    scope: frozenset[int]
    family: int


@dataclass(frozen=True)
class Split:
    """A group against its scope: parts and defective ones of both."""

    parts: int
    defects: int
    of_parts: int
    of_defects: int

    @property
    def excess(self) -> float:
        """The share of all defects that the group has beyond the rate of the rest, 0..1."""
        rest = self.of_parts - self.parts
        usual = (self.of_defects - self.defects) / rest * self.parts if rest else self.defects
        return max(0.0, (self.defects - usual) / self.of_defects)

    @property
    def counted(self) -> str:
        """For the evidence."""
        return f"{self.defects} of {self.of_defects} defective parts, 1 part in {self.of_parts / self.parts:.3g}"


@dataclass(frozen=True)
class Found:
    """A group that is worse than chance allows; `chance` is its p-value, corrected for all that was tried."""

    name: Name
    split: Split
    chance: float

    @property
    def confidence(self) -> float:
        """Between 0 and 1."""
        return round((1 - self.chance) * self.split.excess, 3)


Prefer = Callable[[Name, Mapping[Name, Split]], Name]
"""From the worst group and all that are significant to the one to name."""


def worse(
    groups: Mapping[Name, Group], defective: frozenset[int], alpha: float, fewest: int, prefer: Prefer
) -> Iterable[Found]:
    """All groups that are worse than the rest, each after those before it are set aside."""
    aside: frozenset[int] = frozenset()
    while True:
        splits = {name: _split(group, defective, aside) for name, group in groups.items()}
        splits = {name: s for name, s in splits.items() if s.defects >= fewest and s.parts < s.of_parts}
        by_chance = zip(splits, chances(list(splits.values())), strict=True)
        corrected = {name: min(1.0, p * groups[name].family) for name, p in by_chance}
        significant = {name: splits[name] for name, chance in corrected.items() if chance <= alpha}
        if not significant:
            return
        name = prefer(min(significant, key=lambda name: (corrected[name], name)), significant)
        yield Found(name, _split(groups[name], defective, frozenset()), corrected[name])
        aside |= groups[name].parts


def chances(splits: Sequence[Split]) -> list[float]:
    """One-sided p-value of each: so many defects or more, if parts were marked at random."""
    # A second that a plant without incidents must not pay.
    from scipy.stats import hypergeom  # type: ignore[import-untyped]  # noqa: PLC0415

    if not splits:
        return []
    columns = zip(*((s.defects - 1, s.of_parts, s.of_defects, s.parts) for s in splits), strict=True)
    return [float(p) for p in hypergeom.sf(*(list(column) for column in columns))]


def _split(group: Group, defective: frozenset[int], aside: frozenset[int]) -> Split:
    scope, parts = group.scope - aside, group.parts - aside
    return Split(len(parts), len(parts & defective), len(scope), len(scope & defective))
