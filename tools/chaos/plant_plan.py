"""What will break, in which order and for how long: drawn from a seed, so that a bad hour can be had again. Pure."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What can befall a part."""

    KILL = "killed"
    FREEZE = "frozen"
    HANG = "hung for good"
    RESTART = "restarted"
    CUT = "cut off"
    FULL = "disk full"
    FLUSH = "flushed"
    ANEW = "made anew"
    AHEAD = "clock ahead"
    BEHIND = "clock behind"
    SLOW = "slow"
    FAILING = "failing"
    PEACE = "left in peace"


CAMERAS, LINE_STREAM, STATION_STREAM = "cameras", "stream LINE", "stream STATION"
CLOCK_S = 120.0
_EACH: Mapping[Kind, int] = {Kind.KILL: 3, Kind.FREEZE: 3, Kind.HANG: 1, Kind.RESTART: 2, Kind.CUT: 3}
_OFTEN = 6
_LASTS_S: Mapping[Kind, tuple[float, float]] = {
    Kind.FREEZE: (1.0, 20.0),
    Kind.CUT: (1.0, 20.0),
    Kind.FULL: (5.0, 20.0),
    Kind.ANEW: (0.2, 3.0),
    Kind.AHEAD: (10.0, 40.0),
    Kind.BEHIND: (10.0, 40.0),
    Kind.SLOW: (3.0, 20.0),
    Kind.FAILING: (5.0, 20.0),
}
_PEACE_S = (0.5, 8.0)


@dataclass(frozen=True)
class Fault:
    """One fault: what happens to which part, for how long, and how long after the one before, in seconds."""

    kind: Kind
    part: str
    lasts_s: float
    after_s: float
    loud: bool = True
    """Of a cut: both ends are told at once; else both believe in the connection while nothing arrives."""

    def __str__(self) -> str:
        return f"{self.part} {self.kind.value}"


@dataclass(frozen=True)
class Scope:
    """What there is to break."""

    parts: Sequence[str]
    wired: frozenset[str]
    """Those that are reached, or reach others, through a wire that can be cut."""
    plc: str
    mes: str
    broker: str
    store: str
    disk: bool = True
    """Whether the broker's disk can be filled."""

    def kinds(self) -> dict[tuple[Kind, str], int]:
        """Everything that may happen, with how often it is drawn."""
        each = {
            (kind, part): weight
            for part in self.parts
            for kind, weight in _EACH.items()
            if kind is not Kind.CUT or part in self.wired
        }
        own = [
            *([(Kind.FULL, self.broker)] if self.disk else []),
            (Kind.FLUSH, self.store),
            (Kind.ANEW, LINE_STREAM),
            (Kind.AHEAD, CAMERAS),
            (Kind.BEHIND, CAMERAS),
            (Kind.SLOW, self.plc),
            (Kind.FAILING, self.mes),
        ]
        return each | dict.fromkeys(own, _OFTEN)


def drawn(count: int, seed: int, scope: Scope, longest_s: float = 20.0) -> list[Fault]:
    """`count` faults, the same for the same seed and scope: each kind once as long as there is room, then by weight.

    None lasts longer than `longest_s`, nor is the peace before it longer.
    """
    draw = random.Random(f"{seed} plant")
    kinds = scope.kinds()
    known = sorted(kinds, key=lambda each: (each[0].value, each[1]))
    draw.shuffle(known)
    chosen = known[:count] + draw.choices(known, [kinds[each] for each in known], k=max(0, count - len(known)))
    return [_fault(draw, kind, part, longest_s) for kind, part in chosen]


def station_wiped() -> list[Fault]:
    """A plan of its own: the stream of verdicts is made anew between two times in which lines are stopped."""
    before, after = Fault(Kind.PEACE, CAMERAS, 30.0, 0.0), Fault(Kind.PEACE, CAMERAS, 60.0, 0.0)
    return [before, Fault(Kind.ANEW, STATION_STREAM, 1.0, 0.0), after]


def _fault(draw: random.Random, kind: Kind, part: str, longest_s: float) -> Fault:
    lasts_s = draw.uniform(*_LASTS_S[kind]) if kind in _LASTS_S else 0.0
    after_s = draw.triangular(*_PEACE_S, 2.0)
    return Fault(kind, part, round(min(lasts_s, longest_s), 3), round(min(after_s, longest_s), 3), draw.random() < 0.5)
