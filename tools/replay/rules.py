"""What the rules said about a part, folded again from the stream by the rules' own code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message
from jidoka.verdict.v1 import verdict_pb2

from services.chassis.bus import Stored
from services.chassis.streams import Delivery
from services.contracts.plant import Plant
from services.postprocessing.adapters.events import BusActions, routes
from services.postprocessing.adapters.rule_books import book_of, text_of
from services.postprocessing.domain.checkpoint import LineFold
from services.postprocessing.handlers import RuleKeeper
from tools.plant.facts import Stored as StoredFact
from tools.replay.difference import differences

_NOT_DERIVED = ("traceId",)
"""A trace belongs to one telling of the fact, not to what it says."""

VERBS = ("pause-requested", "warned", "requested", "updated")
"""Of the facts that rules say about parts."""


@dataclass(frozen=True)
class Compared:
    """One action: its subject (such as line.pause-requested), its id, and where stored and derived differ."""

    what: str
    id: str
    differs: list[str]


class NoCheckpoint:
    """Everything is folded from the beginning."""

    async def load(self) -> LineFold:
        return LineFold()

    async def save(self, fold: LineFold) -> bool:  # noqa: ARG002  # the port names it
        return True


@dataclass
class _Ear:
    """Takes the broker's place: hears what would be said."""

    said: dict[str, tuple[str, Message]] = field(default_factory=dict)

    async def publish(self, subject: str, message: Message, msg_id: str) -> Stored:
        self.said[msg_id] = subject, message
        return Stored(len(self.said), duplicate=False)


async def again(
    facts: Sequence[StoredFact], actions: Mapping[str, StoredFact], verdict: verdict_pb2.Verdict, plant: Plant
) -> list[Compared]:
    """Every action that has the part among its suspects, whether it is stored, derived, or both.

    `facts` are all that the rules of its line hear, in order; `actions` what was said then, by message id.
    """
    ear: Any = _Ear()
    line = f"{verdict.station.site}/{verdict.station.line}"
    keeper = RuleKeeper(line, text_of(plant), book_of, NoCheckpoint(), BusActions(ear, plant))
    heard = routes(keeper)
    for fact in facts:
        route = next((route for route in heard if route.matches(fact.subject)), None)
        if route is not None:
            delivery = Delivery(fact.subject, fact.sequence, fact.stored_at, redelivered=False)
            await route.handler(route.message.FromString(fact.data), delivery)
    found = []
    for msg_id in sorted(ear.said.keys() | actions.keys()):
        subject, derived = ear.said.get(msg_id, ("", None))
        then = actions.get(msg_id)
        message = then.decoded() if then else None
        if _concerns(derived, verdict) or _concerns(message, verdict):
            name = ".".join((subject or (then.subject if then else "")).split(".")[2:4])
            found.append(Compared(name, msg_id, _differs(message, derived)))
    return found


def _differs(stored: Message | None, derived: Message | None) -> list[str]:
    if stored is None:
        return ["derived, but nothing like it is stored"]
    if derived is None:
        return ["stored, but not derived again: perhaps the stream no longer reaches back to its beginning"]
    return differences(stored, derived, _NOT_DERIVED)


def _concerns(action: Any, verdict: verdict_pb2.Verdict) -> bool:
    """Whether the part lies between the first and the last one behind an action."""
    if action is None or not hasattr(action, "last_part_sequence") or not hasattr(action, "lot_id"):
        return False
    part = verdict.part
    first = getattr(action, "first_part_sequence", action.last_part_sequence)
    same = action.station == verdict.station and action.lot_id == part.lot_id
    return bool(same and first <= part.part_sequence <= action.last_part_sequence)
