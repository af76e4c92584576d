"""What became of each request: intents, receipts and the PLC's own memory held against each other."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.simulators.plc_memory import Effect

CONFIRMED = "confirmed"
NUMBERS = 1 << 24


@dataclass(frozen=True)
class Intent:
    """A pause that was asked for: its number at the PLC, and its times in seconds of the epoch."""

    request_id: str
    number: int
    asked_at: float
    expires_at: float


@dataclass(frozen=True)
class Struck:
    """A fault that happened, in seconds of the epoch."""

    kind: str
    began_at: float
    ended_at: float


@dataclass(frozen=True)
class Receipts:
    """How each request ended: `outcomes` in small letters, by request id, and when they were told."""

    outcomes: Mapping[str, str]
    told_at: Mapping[str, float]
    repeated: int
    """Receipts beyond the first of a request."""


def reconciled(intents: Sequence[Intent], receipts: Receipts, effects: Sequence[Effect]) -> dict[str, Any]:
    """The figures. An effect belongs to the intent whose number it executed.

    `unseen` effects took place in time, but no bridge saw them before the request ended: by what the receipts say.
    """
    by_number = {intent.number: intent for intent in intents}
    owned = [(by_number.get(effect.command % NUMBERS), effect) for effect in effects]
    executed = Counter(intent.request_id for intent, _ in owned if intent)
    confirmed = {request for request, outcome in receipts.outcomes.items() if outcome == CONFIRMED}
    unseen = [receipts.outcomes.get(request, "unanswered") for request in executed if request not in confirmed]
    return {
        "intents": len(intents),
        "confirmed": len(confirmed),
        "effects": len(effects),
        "stale": sum(intent is not None and effect.at > intent.expires_at for intent, effect in owned),
        "double": sum(count - 1 for count in executed.values()),
        "unseen": dict(Counter(unseen)),
        "without_effect": len(confirmed - executed.keys()),
        "unknown": sum(intent is None for intent, _ in owned),
        "unanswered": len({intent.request_id for intent in intents} - receipts.outcomes.keys()),
        "repeated_receipts": receipts.repeated,
        "outcomes": dict(Counter(receipts.outcomes.values()).most_common()),
    }


def mistakes(found: Mapping[str, Any]) -> list[str]:
    """What must not be, in words; empty: every effect was asked for, took place once, in time, and is accounted for."""
    wrong = {
        "stale": "effects after their request had expired",
        "double": "effects beyond the first of a request",
        "unknown": "effects that nobody asked for",
        "without_effect": "confirmed requests without an effect",
        "unanswered": "requests without a receipt",
        "repeated_receipts": "receipts beyond the first of a request",
        "crashed": "processes that died by themselves",
    }
    said = [f"{found[key]} {words}" for key, words in wrong.items() if found.get(key)]
    if found["effects"] != found["confirmed"] + sum(found["unseen"].values()) and not said:
        said.append(f"{found['effects']} effects, but {found['confirmed']} confirmed and {found['unseen']} unseen")
    return said


def by_fault(struck: Sequence[Struck], intents: Sequence[Intent], receipts: Receipts) -> dict[str, dict[str, int]]:
    """For each kind: how often it struck, how many open requests it met, and how many of those were confirmed."""
    table: dict[str, dict[str, int]] = {}
    for fault in struck:
        row = table.setdefault(fault.kind, {"faults": 0, "met": 0, "confirmed": 0})
        row["faults"] += 1
        for intent in intents:
            over_at = receipts.told_at.get(intent.request_id, float("inf"))
            if intent.asked_at <= fault.ended_at and fault.began_at <= over_at:
                row["met"] += 1
                row["confirmed"] += receipts.outcomes.get(intent.request_id) == CONFIRMED
    return dict(sorted(table.items(), key=lambda entry: -entry[1]["faults"]))
