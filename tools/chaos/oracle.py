"""Ledgers in, findings out: what must not be in any plant, whatever breaks in it. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jidoka.verdict.v1 import verdict_pb2

from tools.chaos.ledgers import Ledgers, Request, Said, Span, Written, present_s
from tools.simulators.plc_memory import Effect

STOP_WITHIN_S = 60.0
"""A run of defects has its stop so soon after all parts that it takes are there."""
_NUMBERS = 1 << 24
_SLACK_S = 5.0  # a bridge may tell a moment after it has written
_AROUND_S = 1.0

MUST_BE_ZERO: Mapping[str, str] = {
    "lost": "acknowledged verdicts are not in the stream",
    "differing": "answers are not what the stream holds",
    "kept_twice": "inspections are in the stream twice",
    "double_stops": "stops beyond the first of an incident",
    "late_stops": "stops after their request had expired",
    "missing_stops": "runs of defects without their stop",
    "unasked_stops": "stops that nobody asked for",
    "believed_stops": "stops that a receipt confirms and that never were",
    "orders_missing": "orders that the MES does not have",
    "orders_double": "orders beyond the first of a key",
    "needed_a_hand": "parts that did not come back by themselves",
    "conflicts_accepted": "other pictures or parts that were taken under a used id",
    "evidence_spoilt": "pictures that a refused one has made unreadable",
    "refused": "frames that were refused for no fault of theirs",
}


def mistakes(found: Mapping[str, Any]) -> list[str]:
    """What must not be, in words; empty: all is as it must."""
    return [f"{found[key]} {words}" for key, words in MUST_BE_ZERO.items() if found.get(key)]


def findings(ledgers: Ledgers) -> dict[str, Any]:
    """Every figure, from the ledgers alone."""
    return {
        **verdicts(ledgers.told, ledgers.kept),
        **stops(ledgers),
        "runs": sum(run.fifth_at < float("inf") for run in ledgers.runs),
        "missing_stops": missing(ledgers),
        **orders(ledgers.wanted, ledgers.orders),
    }


def verdicts(told: Sequence[Said], kept: Sequence[Said]) -> dict[str, Any]:
    """What cameras were told against what the stream keeps; `differing_in` counts the fields that are not the same."""
    stands: dict[tuple[str, str], bytes] = {}
    for said in kept:
        stands.setdefault((said.station, said.inspection_id), said.verdict)
    acknowledged = {(said.station, said.inspection_id) for said in told}
    pairs = [(said.verdict, stands.get((said.station, said.inspection_id))) for said in told]
    differing = [(heard, stored) for heard, stored in pairs if stored is not None and stored != heard]
    return {
        "acknowledged": len(acknowledged),
        "answers": len(told),
        "lost": len(acknowledged - stands.keys()),
        "differing": len(differing),
        "differing_in": dict(Counter(name for heard, stored in differing for name in _fields(heard, stored))),
        "kept_twice": len(kept) - len(stands),
    }


def _fields(one: bytes, other: bytes) -> set[str]:
    heard, stored = (
        {field.name: value for field, value in verdict_pb2.Verdict.FromString(each).ListFields()}
        for each in (one, other)
    )
    return {name for name in heard.keys() | stored.keys() if heard.get(name) != stored.get(name)}


def stops(ledgers: Ledgers) -> dict[str, Any]:
    """What the PLC executed against what was asked for, and against what was confirmed."""
    owners = [(_owner(effect, ledgers.written), effect) for effect in ledgers.effects]
    asked = [(ledgers.requests[owner], effect) for owner, effect in owners if owner and owner in ledgers.requests]
    incidents = Counter(request.incident for request, _ in asked)
    executed = {owner for owner, _ in owners}
    return {
        "requests": len(ledgers.requests),
        "stops": len(ledgers.effects),
        "double_stops": sum(count - 1 for count in incidents.values()),
        "late_stops": sum(_late(request, effect) for request, effect in asked),
        "unasked_stops": len(owners) - len(asked),
        "believed_stops": sum(span.of not in executed and not _stood(span, ledgers.held) for span in ledgers.confirmed),
    }


def _late(request: Request, effect: Effect) -> bool:
    return effect.at > request.expires_at


def _owner(effect: Effect, written: Sequence[Written]) -> str | None:
    """The request that was executed. Another life of the stream may use a number again: the last before it, then."""
    before = [each for each in written if each.at <= effect.at + _SLACK_S]
    exact = [each for each in before if each.command == effect.command]
    alike = exact or [each for each in before if (each.command - effect.command) % _NUMBERS == 0]
    return max(alike, key=lambda each: each.at).request_id if alike else None


def _stood(span: Span, held: Sequence[Span]) -> bool:
    return any(each.began_at <= span.ended_at + _AROUND_S and each.ended_at >= span.began_at for each in held)


def missing(ledgers: Ledgers) -> int:
    """Runs whose stop had not come when all that it takes had been there for STOP_WITHIN_S, together."""
    return sum(
        _has_none(run.fifth_at, min(run.ended_at, _stopped_at(run.fifth_at, ledgers.held)), ledgers.away)
        for run in ledgers.runs
    )


def _stopped_at(since: float, held: Sequence[Span]) -> float:
    return min((max(span.began_at, since) for span in held if span.ended_at >= since), default=float("inf"))


def _has_none(fifth_at: float, ended_at: float, away: Sequence[Span]) -> bool:
    return fifth_at < float("inf") and present_s(fifth_at, ended_at, away) > STOP_WITHIN_S


def orders(wanted: Sequence[str], standing: Sequence[str]) -> dict[str, int]:
    """What the rules wanted against what stands in the MES."""
    times = Counter(standing)
    return {
        "orders": len(set(wanted)),
        "orders_missing": len(set(wanted) - times.keys()),
        "orders_double": sum(count - 1 for count in times.values()),
    }


def by_part(recovered: Sequence[Span]) -> Iterator[tuple[str, list[float]]]:
    """How long each part took to come back, sorted, for each that was hit."""
    for part in sorted({span.of for span in recovered}):
        yield part, sorted(span.ended_at - span.began_at for span in recovered if span.of == part)
