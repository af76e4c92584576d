"""One count of the parts of a lot at one station: what is folded of it, and what waits for a gap to close."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from services.postprocessing.domain.part import Part

FARTHEST = 1_000
"""A number so much further on belongs to another count: no camera loses so many parts, but many mistake a number."""

_IN_FLIGHT = 4
"""So many parts may still be on their way behind one that was judged when the line is resumed: fewer than a run."""


@dataclass(frozen=True)
class Patience:
    """How many later parts, and how long, may wait for a missing one."""

    parts: int
    seconds: float


NO_PATIENCE = Patience(-1, 0)


class Turn(NamedTuple):
    """A part whose turn it is; so many before it (`gap`) were given up as missing.

    `resumed`: by its number it came before the operator's resume. `again`: its number was taken already (by a part with
    another inspection id, or it was given up); the first number of the run of such parts that it belongs to.
    """

    part: Part
    gap: int = 0
    resumed: bool = False
    again: int = 0


Due = tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """Everything up to `frontier` is folded, `pending` waits for a gap to close.

    `resumed`: the newest number when the operator let the line run again. A lot may have several counts: a camera that
    jumps to another number begins one.
    """

    lot: str
    frontier: int
    pending: tuple[Part, ...] = ()
    resumed: int = 0

    @property
    def newest(self) -> int:
        return self.pending[-1].sequence if self.pending else self.frontier

    def knows(self, part: Part) -> bool:
        """Whether the part's number was here, or was given up."""
        return part.sequence <= self.frontier or any(part.sequence == waiting.sequence for waiting in self.pending)

    def takes(self, part: Part) -> bool:
        """Whether the part's number is new here, and not absurd."""
        return part.sequence <= self.newest + FARTHEST and not self.knows(part)

    def at_resume(self) -> "Count":
        """Marks what came before the resume: what is folded, and what waits close behind it.

        A number that stands alone far ahead is no witness: up to it, a whole lot would not count (found by hypothesis).
        """
        newest = self.frontier
        for part in self.pending:
            if part.sequence - newest - 1 > _IN_FLIGHT:
                break
            newest = part.sequence
        return replace(self, resumed=newest)

    def with_part(self, part: Part) -> "Count":
        """The part waits for its turn."""
        return replace(self, pending=tuple(sorted((*self.pending, part), key=lambda p: p.sequence)))


def waited_s(pending: tuple[Part, ...] | list[Part], now_s: float) -> float:
    """How long the oldest of them has waited."""
    return now_s - min(part.judged_at_s for part in pending)


def release(count: Count | None, patience: Patience, now_s: float, behind: int = 0) -> tuple[Count | None, Due, int]:
    """What is due of a count, and how many parts are given up for it; `behind` parts of the next count wait as well."""
    if count is None or not count.pending:
        return count, (), 0
    pending, frontier, missed = list(count.pending), count.frontier, 0
    due: list[Turn] = []
    while pending:
        first = pending[0]
        gap = first.sequence - frontier - 1
        if gap and len(pending) + behind <= patience.parts and waited_s(pending, now_s) <= patience.seconds:
            break
        missed += gap
        frontier = first.sequence
        due.append(Turn(pending.pop(0), gap, frontier <= count.resumed))
    return replace(count, frontier=frontier, pending=tuple(pending)), tuple(due), missed
