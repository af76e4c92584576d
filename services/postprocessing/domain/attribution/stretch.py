"""A lot, or a tool between two changes, is also a stretch of time, and defects come in bursts: which of the two is it.

Fisher's test takes every defect for an accident of its own, and a single burst would convict the lot that it fell in.
So the defects are turned round the window like a wheel, bursts and all: a stretch is a candidate only where few of the
turns put as many defects into it, which is where they begin and end with it.
"""

from collections.abc import Sequence
from itertools import accumulate

from services.postprocessing.domain.attribution.groups import Group

_FEW = 0.05
"""Share of the turns."""
_UNBROKEN = 0.9
"""Share of the parts from the first to the last that belong to a stretch."""


def is_stretch(group: Group) -> bool:
    """Whether the parts follow each other, rather than alternating with others as cavities do."""
    return len(group.parts) >= _UNBROKEN * (max(group.parts) - min(group.parts) + 1)


def coincides(group: Group, defective: frozenset[int], parts: int) -> bool:
    """Whether the defects keep to the stretch more closely than to almost any other of its length."""
    first, length = min(group.parts), max(group.parts) - min(group.parts) + 1
    before = _counted_before([number in defective for number in range(parts)] * 2)
    turns = [before[start + length] - before[start] for start in range(parts)]
    return sum(count >= turns[first] for count in turns) <= _FEW * parts


def _counted_before(marks: Sequence[bool]) -> list[int]:
    return list(accumulate(marks, initial=0))
