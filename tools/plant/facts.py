"""What the broker keeps, read back: for the demo's witness, for replays and for dry runs of rules."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from google.protobuf.message import Message
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from services.chassis.bus import Bus
from services.contracts import headers
from services.contracts.subjects import SUBJECTS, Stream, Subject

_BATCH, _FETCH_S = 256, 2.0


class Stored(NamedTuple):
    """A fact as it stands in its stream."""

    subject: str
    data: bytes
    fact_id: str
    sequence: int
    stored_at: datetime

    def decoded(self) -> Message:
        """As the message that its subject names. Raises KeyError for a subject that is in no table."""
        noun, verb = self.subject.split(".")[2:4]
        kinds = {(subject.noun, subject.verb): subject.message for subject in SUBJECTS}
        return kinds[noun, verb].FromString(self.data)


class Fact(NamedTuple):
    """A message with its place in its stream and when the broker stored it."""

    message: Any
    sequence: int
    stored_at: datetime


async def stored(
    bus: Bus, stream: Stream, filters: Sequence[str], since: datetime | None = None
) -> AsyncIterator[Stored]:
    """Everything that matches and is there now, in the stream's order, from `since` on. Raises NatsError."""
    start: dict[str, Any] = {}
    if since is not None:
        start = {"deliver_policy": DeliverPolicy.BY_START_TIME, "opt_start_time": since.isoformat()}
    config = ConsumerConfig(
        ack_policy=AckPolicy.NONE, mem_storage=True, inactive_threshold=30.0, filter_subjects=list(filters), **start
    )
    reading = await bus.jetstream.pull_subscribe("", stream=stream.name, config=config)
    waiting = (await reading.consumer_info()).num_pending or 0
    while waiting:
        with contextlib.suppress(NatsTimeoutError):
            for found in await reading.fetch(min(waiting, _BATCH), timeout=_FETCH_S):
                meta = found.metadata
                waiting = meta.num_pending or 0
                fact_id = headers.fact_id(found.subject, (found.headers or {}).get(headers.MSG_ID, ""))
                yield Stored(found.subject, found.data, fact_id, meta.sequence.stream, meta.timestamp)
    await reading.unsubscribe()


async def kept(bus: Bus, subject: Subject, since: datetime | None = None) -> AsyncIterator[Fact]:
    """Every fact of one subject, decoded. Raises NatsError."""
    async for found in stored(bus, subject.stream, [subject.everywhere], since):
        yield Fact(subject.message.FromString(found.data), found.sequence, found.stored_at)
