"""Dead letters as the broker keeps them; saying one again and dropping one are on record in AUDIT, before and after."""

import base64
import contextlib
import os
import pwd
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.message import DecodeError, Message
from jidoka.audit.v1 import audit_pb2
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from services.chassis.bus import Bus
from services.contracts import headers
from services.contracts.instant import now
from services.contracts.plant import Place
from services.contracts.rights import SAID_AGAIN
from services.contracts.subjects import AUDIT_RECORDED, DEAD, PAUSE_REQUESTED, SUBJECTS, VERDICT_REACHED, Subject

_NOWHERE = Place("all", "all", "all")
_LONGEST = 200
_WHY_NOT = {
    VERDICT_REACHED: "the rules would count this part once more",
    PAUSE_REQUESTED: "it would be another stop; the next bad part asks for one anew",
}
_OLD_NEWS = "it would become the newest word about its line, and it is an old one"


@dataclass(frozen=True)
class Letter:
    """One parked message."""

    number: int
    """Its place in DEAD."""
    service: str
    """Who could not handle it."""
    subject: str
    """Where it was said, and its place in that stream."""
    sequence: str
    reason: str
    parked_at: datetime
    data: bytes

    @property
    def fact(self) -> Subject | None:
        """What it is by the subject table; None: in no table."""
        words = self.subject.split(".")[2:4]
        return next((each for each in SUBJECTS if [each.noun, each.verb] == words), None)

    def decoded(self) -> Message:
        """As the message that its subject names. Raises ValueError."""
        if self.fact is None:
            raise ValueError(f"{self.subject} is in no table")
        try:
            return self.fact.message.FromString(self.data)
        except DecodeError as error:
            raise ValueError(f"not a {self.fact.message.DESCRIPTOR.full_name}: {error}") from error

    def why_not_again(self) -> str:
        """Why it must not be said again; empty: it may, because whoever hears it knows it by its key."""
        if self.fact is None:
            return "its subject is in no table: drop it"
        if self.fact not in SAID_AGAIN:
            return _WHY_NOT.get(self.fact, _OLD_NEWS)
        try:
            self.decoded()
        except ValueError as error:
            return f"{error}: drop it"
        return ""


async def letters(bus: Bus, most: int) -> AsyncIterator[Letter]:
    """Up to `most` letters, oldest first. Raises NatsError or TimeoutError."""
    number = 1
    for _ in range(most):
        try:
            found = await bus.jetstream.get_msg(DEAD.name, number, "jidoka.v1.dead.>", next=True)
        except NotFoundError:
            return
        yield _letter(found)
        number = (found.seq or 0) + 1


async def letter(bus: Bus, number: int) -> Letter:
    """One letter. Raises ValueError where there is none, NatsError or TimeoutError."""
    try:
        return _letter(await bus.jetstream.get_msg(DEAD.name, number))
    except NotFoundError:
        raise ValueError(f"there is no dead letter {number}; see: jidoka deadletters list") from None


async def replay(bus: Bus, it: Letter) -> None:
    """Say it again where it was said, and take it out of DEAD. Raises ValueError for what must not be said again.

    The id is the letter's own: the broker's memory of the first saying does not swallow it, and a second try of this
    very replay is harmless.
    """
    if why := it.why_not_again():
        raise ValueError(f"dead letter {it.number} is not said again: {why}")
    async with _on_record(bus, "replay dead letter", it):
        await bus.publish(it.subject, it.data, f"replay:{it.number}:{it.parked_at.isoformat()}")
        await bus.jetstream.delete_msg(DEAD.name, it.number)


async def drop(bus: Bus, it: Letter) -> None:
    """Take it out of DEAD for good. Raises NatsError or TimeoutError."""
    async with _on_record(bus, "drop dead letter", it):
        await bus.jetstream.delete_msg(DEAD.name, it.number)


@contextlib.asynccontextmanager
async def _on_record(bus: Bus, act: str, it: Letter) -> AsyncIterator[None]:
    """Nothing is done that is not on record: without a record of the beginning there is no beginning."""
    await _record(bus, act, it, "Begun")
    try:
        yield
    except Exception as error:
        await _record(bus, act, it, type(error).__name__)
        raise
    await _record(bus, act, it, "Good")


async def _record(bus: Bus, act: str, it: Letter, result: str) -> None:
    message = audit_pb2.Recorded(
        user=pwd.getpwuid(os.getuid()).pw_name,
        role=bus.user,
        peer=f"{socket.gethostname()}:{os.getpid()}",
        act=act,
        node=it.subject,
        arguments=f"letter {it.number} of {it.service}, from {it.sequence}: {it.reason}"[:_LONGEST],
        result=result,
        at=now(),
    )
    await bus.publish(AUDIT_RECORDED.at(_NOWHERE), message, f"deadletters:{it.number}:{act}:{result}:{time.time_ns()}")


def _letter(found: RawStreamMsg) -> Letter:
    said = _headers(found)
    subject = found.subject or ""
    return Letter(
        number=found.seq or 0,
        service=subject.split(".")[3],
        subject=said.get(headers.DEAD_SUBJECT, ""),
        sequence=said.get(headers.DEAD_SEQUENCE, ""),
        reason=said.get(headers.DEAD_REASON, ""),
        parked_at=found.time or datetime.fromtimestamp(0).astimezone(),
        data=found.data or b"",
    )


def _headers(found: RawStreamMsg) -> dict[str, str]:
    """As they stand there: nats-py reads them as mail, and what is not ASCII is no text then."""
    lines = base64.b64decode(found.hdrs or b"").decode("utf-8", "replace").split("\r\n")
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
