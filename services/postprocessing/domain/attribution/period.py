"""Every m-th part: the mark of something that turns, a mould's cavity or a roller, where nobody traces it.

A lot counts from 1, so a phase is the same within one lot only: the lot with the most defects is searched. What comes
every 8th part also comes every 16th, and half of it every 4th: the shortest period wins unless a multiple explains
significantly more.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from services.postprocessing.domain.attribution.cause import Search, Traced
from services.postprocessing.domain.attribution.groups import Group, Name, Split, chances

KIND = "period"
_FEWEST_TURNS = 3
_SURELY_BETTER = 0.01
"""p-value at which a multiple of a period explains more than the period itself."""


def phases(parts: Sequence[Traced], defective: frozenset[int], search: Search) -> dict[Name, Group]:
    """The phases of every period, of the lot with the most defects; only those with enough of them to be named."""
    lots = Counter(parts[number].lot for number in sorted(defective))
    lot, _ = lots.most_common(1)[0]
    own = {number: part.sequence for number, part in enumerate(parts) if part.lot == lot}
    periods = range(2, min(search.longest_period, len(own) // _FEWEST_TURNS) + 1)
    scope, family = frozenset(own), sum(periods)
    found = {}
    for period in periods:
        for phase, defects in Counter(own[number] % period for number in defective & scope).items():
            if defects >= search.fewest:
                members = frozenset(number for number, sequence in own.items() if sequence % period == phase)
                found[KIND, f"{period}/{phase}"] = Group(members, scope, family)
    return found


def of(name: Name) -> tuple[int, int]:
    """Period and phase of a name."""
    period, phase = name[1].split("/")
    return int(period), int(phase)


def shortest(name: Name, significant: Mapping[Name, Split]) -> Name:
    """The shortest period of which the named one is no more than a multiple; names of another kind as they are."""
    if name[0] != KIND:
        return name
    period, phase = of(name)
    for shorter in (m for m in range(2, period) if period % m == 0):
        parent = KIND, f"{shorter}/{phase % shorter}"
        if parent in significant and not _better(significant[name], significant[parent]):
            return parent
    return name


def _better(part: Split, whole: Split) -> bool:
    return chances([Split(part.parts, part.defects, whole.parts, whole.defects)])[0] <= _SURELY_BETTER
