"""Work requests as the broker knows them, and the word that tries a dead one again."""

import contextlib
import getpass
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from jidoka.workrequest.v1 import workrequest_pb2 as wire

from services.chassis.bus import Bus
from services.chassis.streams import Delivery
from services.contracts.instant import now
from services.contracts.plant import Place
from services.contracts.subjects import (
    STATION,
    WORK_CANCELLED,
    WORK_COMPLETED,
    WORK_DEAD_LETTERED,
    WORK_OPENED,
    WORK_REQUESTED,
    WORK_REQUEUED,
    WORKREQUEST,
    Stream,
    Subject,
)
from services.mes_connector.adapters.bus import work_request
from services.mes_connector.domain.work_request import WorkRequest
from tools.plant.broker import ADMIN
from tools.plant.facts import Stored, stored
from tools.plant.state import PlantState

_ANYWHERE = Place("all", "all", "all")
_STATUS = {
    WORK_REQUESTED: "requested",
    WORK_OPENED: "opened",
    WORK_DEAD_LETTERED: "dead",
    WORK_CANCELLED: "cancelled",
    WORK_COMPLETED: "completed",
}
_ENDED = ("cancelled", "completed")


@dataclass(frozen=True)
class Known:
    """One work request and how far it got."""

    key: str
    status: str = "requested"
    title: str = ""
    external_id: str = ""
    reason: str = ""
    since: float = 0.0
    """Unix seconds of the last fact."""


@contextlib.asynccontextmanager
async def broker_of(running: PlantState) -> AsyncIterator[Bus]:
    """The plant's broker, with all rights: whoever can read the plant's secrets may."""
    bus = Bus(running.url("nats"), ADMIN, running.secret(f"{ADMIN}.nats-password"))
    await bus.start()
    try:
        yield bus
    finally:
        await bus.stop()


async def known(bus: Bus) -> dict[str, Known]:
    """Every work request that the streams keep, oldest first."""
    facts: list[Stored] = []
    for stream in (WORKREQUEST, STATION):
        facts += [fact async for fact in stored(bus, stream, _filters(stream))]
    found: dict[str, Known] = {}
    for fact in sorted(facts, key=lambda each: each.stored_at):
        message = fact.decoded()
        key = str(getattr(message, "key", ""))
        found[key] = _after(found.get(key, Known(key)), _subject(fact), message, fact.stored_at.timestamp())
    return found


async def request_of(bus: Bus, key: str) -> WorkRequest:
    """What was asked for under this key. Raises ValueError for an unknown key, Invalid for what no MES could take."""
    async for fact in stored(bus, WORKREQUEST, [WORK_REQUESTED.everywhere]):
        message = wire.WorkRequested.FromString(fact.data)
        if message.key == key:
            return work_request(message, Delivery(fact.subject, fact.sequence, fact.stored_at, redelivered=False))
    raise ValueError(f"no work request {key!r} in the stream; see: jidoka mes list")


async def requeue(bus: Bus, order: Known) -> None:
    """Say that a dead order is to be tried again; the same death is taken back once. Raises Unavailable."""
    who = f"{getpass.getuser()} (command line)"
    message = wire.WorkRequestRequeued(key=order.key, requeued_by=who, requeued_at=now())
    await bus.publish(WORK_REQUEUED.at(_ANYWHERE), message, f"{order.key}:requeued:{order.since}")


def _filters(stream: Stream) -> list[str]:
    return [subject.everywhere for subject in _STATUS if subject.stream is stream]


def _subject(fact: Stored) -> Subject:
    return next(each for each in _STATUS if fact.subject.startswith(each.everywhere.removesuffix(">")))


def _after(before: Known, subject: Subject, message: object, at: float) -> Known:
    status = before.status if before.status in _ENDED else _STATUS[subject]
    said = {name: getattr(message, name, "") for name in ("title", "external_id", "reason")}
    said |= {"reason": said["reason"] or getattr(message, "remark", "")}
    return replace(before, status=status, since=at, **{name: value for name, value in said.items() if value})
