"""What each side of a plant says that it did: the camera, the stream, the PLC and the MES. Held together in `oracle`.

All times are seconds of the epoch.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tools.simulators.plc_memory import Effect


class Said(NamedTuple):
    """A verdict as a camera was told it, or as the stream keeps it: serialised deterministically."""

    station: str
    inspection_id: str
    verdict: bytes
    at: float


class Request(NamedTuple):
    """A stop that the rules asked for."""

    incident: str
    expires_at: float


class Written(NamedTuple):
    """A bridge said under which number a request went to the PLC."""

    request_id: str
    command: int
    at: float


class Span(NamedTuple):
    """From when to when; of what, where that matters."""

    began_at: float
    ended_at: float
    of: str = ""


class Run(NamedTuple):
    """A machine made one defect over and over, until its line stood or nobody believed in a stop any more.

    `fifth_at` is when its fifth defective part in a row had been acknowledged; inf: it never came so far.
    """

    station: str
    fifth_at: float
    ended_at: float


@dataclass(frozen=True)
class Ledgers:
    """All that was noted."""

    told: Sequence[Said] = ()
    kept: Sequence[Said] = ()
    requests: Mapping[str, Request] = field(default_factory=dict)
    written: Sequence[Written] = ()
    confirmed: Sequence[Span] = ()
    """From the sending to the receipt of each request that a bridge believes executed, `of` that request."""
    effects: Sequence[Effect] = ()
    held: Sequence[Span] = ()
    """When the line stood."""
    runs: Sequence[Run] = ()
    away: Sequence[Span] = ()
    """When a part without which no line can be stopped was away, whatever took it."""
    wanted: Sequence[str] = ()
    """Keys of the orders that the rules asked for."""
    orders: Sequence[str] = ()
    """Keys of the orders that stand in the MES."""


def present_s(began_at: float, ended_at: float, away: Iterable[Span]) -> float:
    """How much of a time nothing was away, in seconds."""
    left_s, reached = max(0.0, ended_at - began_at), began_at
    for span in sorted(away):
        start, end = max(span.began_at, reached), min(span.ended_at, ended_at)
        if end > start:
            left_s -= end - start
            reached = end
    return left_s


def fifth_of(told: Mapping[int, tuple[bool, float]], first: int, k: int = 5) -> float:
    """When a run of defects that began with part `first` was long enough; inf: it is not yet.

    `told` says for each part that was acknowledged whether it was judged defective, and when. The rules see parts in
    their order, so the run counts from when all parts before its last one were there, too.
    """
    in_a_row, number, latest = 0, first, 0.0
    while number in told:
        defective, at = told[number]
        in_a_row = in_a_row + 1 if defective else 0
        latest = max(latest, at)
        if in_a_row == k:
            return latest
        number += 1
    return float("inf")
