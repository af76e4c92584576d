"""What the broker keeps, read back: for the demo's witness, for replays and for dry runs of rules."""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, NamedTuple

from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from services.chassis.bus import Bus
from services.contracts.subjects import Subject

_BATCH, _FETCH_S = 256, 2.0


class Fact(NamedTuple):
    """A message with its place in its stream and when the broker stored it."""

    message: Any
    sequence: int
    stored_at: datetime


async def kept(bus: Bus, subject: Subject, since: datetime | None = None) -> AsyncIterator[Fact]:
    """Every fact of a subject that is there now, oldest first, from `since` on. Raises NatsError."""
    start: dict[str, Any] = {}
    if since is not None:
        start = {"deliver_policy": DeliverPolicy.BY_START_TIME, "opt_start_time": since.isoformat()}
    config = ConsumerConfig(ack_policy=AckPolicy.NONE, mem_storage=True, inactive_threshold=30.0, **start)
    reading = await bus.jetstream.pull_subscribe(subject.everywhere, stream=subject.stream.name, config=config)
    waiting = (await reading.consumer_info()).num_pending or 0
    while waiting:
        with contextlib.suppress(NatsTimeoutError):
            for found in await reading.fetch(min(waiting, _BATCH), timeout=_FETCH_S):
                waiting = found.metadata.num_pending or 0
                message = subject.message.FromString(found.data)
                yield Fact(message, found.metadata.sequence.stream, found.metadata.timestamp)
    await reading.unsubscribe()
