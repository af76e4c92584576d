"""What the cameras of an ordeal note: every frame, every answer, every run of defects."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from jidoka.verdict.v1 import verdict_pb2

from tools.chaos.ledgers import Run, Said, Span, fifth_of, present_s
from tools.chaos.oracle import STOP_WITHIN_S

_NEVER = float("inf")


@dataclass
class Making:
    """A machine that makes one defect over and over."""

    station: str
    first: int
    began_at: float
    ended_at: float = _NEVER
    """When the line stood, or nobody waited for it any more."""


@dataclass
class Book:
    """The cameras' ledger."""

    told: list[Said] = field(default_factory=list)
    frames: int = 0
    resent: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    making: list[Making] = field(default_factory=list)
    _parts: dict[str, dict[int, tuple[bool, float]]] = field(default_factory=dict)
    _told_at: dict[str, float] = field(default_factory=dict)

    def answered(self, station: str, number: int, label: str, verdict: verdict_pb2.Verdict) -> None:
        """A camera was told a verdict; `label` is what the parts of a run have."""
        now = time.time()
        data = verdict.SerializeToString(deterministic=True)
        self.told.append(Said(station, verdict.inspection_id, data, now))
        self._told_at[station] = now
        defective = any(defect.label == label for defect in verdict.defects)
        self._parts.setdefault(station, {}).setdefault(number, (defective, now))

    def told_at(self, station: str) -> float:
        """When a camera got its last answer; 0: none yet."""
        return self._told_at.get(station, 0.0)

    def fifth_at(self, making: Making) -> float:
        """When the run was long enough for a stop; inf: it is not."""
        return fifth_of(self._parts.get(making.station, {}), making.first)

    def overdue(self, making: Making, away: list[Span], patience_s: float = STOP_WITHIN_S + 2.0) -> bool:
        """Whether nobody need wait for its stop any more."""
        fifth_at, now = self.fifth_at(making), time.time()
        return fifth_at < _NEVER and present_s(fifth_at, now, away) > patience_s

    def runs(self) -> list[Run]:
        """For the oracle; what a line that stood too soon ended was no run yet."""
        runs = [(each, self.fifth_at(each)) for each in self.making]
        return [Run(each.station, fifth if fifth < each.ended_at else _NEVER, each.ended_at) for each, fifth in runs]


def figures(book: Book) -> Mapping[str, object]:
    """What only the cameras know."""
    return {
        "frames": book.frames,
        "resent": book.resent,
        "refused": sum(book.refused.values()),
        "refusals": dict(book.refused.most_common(5)),
    }
