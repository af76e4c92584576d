"""Reading streams: `Consumer` shares work and acknowledges; `Follower` reads everything in order from a position."""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.protobuf.message import DecodeError, Message
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from opentelemetry.trace import SpanKind

from services.chassis import telemetry
from services.chassis.backoff import Backoff
from services.chassis.bus import Bus
from services.chassis.errors import Invalid, MeshError, Unavailable
from services.chassis.run import cancel, spawn
from services.contracts import headers
from services.contracts.subjects import dead_letter

log = logging.getLogger("jidoka.streams")
_FETCH_S = 2.0
_ACK_S = 2.0
PullSubscription = JetStreamContext.PullSubscription


@dataclass(frozen=True)
class Delivery:
    """Where a message stands in its stream, and when the broker stored it."""

    subject: str
    sequence: int
    stored_at: datetime
    redelivered: bool


Handler = Callable[[Any, Delivery], Awaitable[None]]


@dataclass(frozen=True)
class Route:
    """Messages that match `subject` (may end in `>`) are decoded as `message` and given to `handler`."""

    subject: str
    message: type[Message]
    handler: Handler

    def matches(self, subject: str) -> bool:
        """Whether this route takes the subject."""
        return subject.startswith(self.subject.removesuffix(">"))


class _Reader:
    """Fetches for ever; what is done with a message, subclasses say."""

    _BATCH = 1

    def __init__(self, bus: Bus, stream: str, routes: Sequence[Route]) -> None:
        self._bus, self._stream, self._routes = bus, stream, routes
        self._task: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        self._task = spawn(self._read_forever(), f"reader of {self._stream}")

    async def stop(self) -> None:
        await cancel(self._task)

    async def _read_forever(self) -> None:
        backoff = Backoff(0.1, 2.0)
        while True:
            try:
                async for message in _messages(await self._subscribe(), self._BATCH):
                    await self._take(message)
                    backoff.reset()
            except (NatsError, TimeoutError, OSError, Unavailable) as error:
                log.debug("%s is read again in %.1f s: %s", self._stream, backoff.next_s, error)
                await backoff.wait()

    async def _subscribe(self) -> PullSubscription:
        raise NotImplementedError

    async def _take(self, message: Msg) -> None:
        raise NotImplementedError

    async def _handle(self, message: Msg) -> None:
        route = next((route for route in self._routes if route.matches(message.subject)), None)
        if route is None:
            return
        meta = message.metadata
        delivery = Delivery(message.subject, meta.sequence.stream, meta.timestamp, meta.num_delivered > 1)
        context = telemetry.extract(message.headers)
        # A redelivery is linked, not parented: its trace ended long ago.
        where = {"link": context} if delivery.redelivered else {"parent": context}
        name = f"{self._bus.user} hears {'.'.join(message.subject.split('.')[2:4])}"
        with telemetry.span(name, SpanKind.CONSUMER, **where):  # type: ignore[arg-type]
            try:
                decoded = route.message.FromString(message.data)
            except DecodeError as error:
                raise Invalid(f"not a {route.message.DESCRIPTOR.full_name}: {error}") from error
            await route.handler(decoded, delivery)


class Consumer(_Reader):
    """A durable consumer (named as the service): each message is handled until done, then acknowledged for good.

    Unavailable: again after a back-off, for ever. Any other MeshError: parked at once. A bug: parked after five tries.
    """

    _ACK_WAIT_S = 3.0
    _TRIES = 5

    def __init__(self, bus: Bus, stream: str, routes: Sequence[Route], durable: str = "") -> None:
        super().__init__(bus, stream, routes)
        self._durable = durable or bus.user

    async def _subscribe(self) -> PullSubscription:
        config = ConsumerConfig(
            name=self._durable,
            durable_name=self._durable,
            filter_subjects=[route.subject for route in self._routes],
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self._ACK_WAIT_S,
            max_ack_pending=1,
        )
        await self._bus.jetstream.add_consumer(self._stream, config)
        return await self._bus.jetstream.pull_subscribe_bind(self._durable, self._stream)

    async def _take(self, message: Msg) -> None:
        alive = asyncio.create_task(self._keep(message))
        try:
            await self._handle(message)
        except Unavailable as error:
            delay_s = min(0.2 * 2 ** min(message.metadata.num_delivered, 6), 10.0) * random.uniform(0.5, 1.0)
            log.warning("%s comes again in %.1f s: %s", message.subject, delay_s, error)
            await message.nak(delay=delay_s)
        except MeshError as error:
            await self._park(message, str(error))
        except Exception as error:
            log.exception("%s failed, delivery %d", message.subject, message.metadata.num_delivered)
            if message.metadata.num_delivered >= self._TRIES:
                await self._park(message, f"failed {self._TRIES} times: {type(error).__name__}")
            else:
                await message.nak(delay=1.0)
        else:
            await message.ack_sync(timeout=_ACK_S)
        finally:
            await cancel(alive)

    async def _park(self, message: Msg, reason: str) -> None:
        sequence = message.metadata.sequence.stream
        subject = dead_letter(self._bus.user, message.subject.split(".")[2])
        origin = {
            headers.DEAD_REASON: " ".join(reason.split())[:500],
            headers.DEAD_SUBJECT: message.subject,
            headers.DEAD_SEQUENCE: str(sequence),
        }
        log.error("parked %s: %s", message.subject, reason)
        await self._bus.publish(subject, message.data, f"{self._bus.user}:{self._stream}:{sequence}", extra=origin)
        await message.ack_sync(timeout=_ACK_S)

    async def _keep(self, message: Msg) -> None:
        """Long work stays ours; a crash gives the message to another after _ACK_WAIT_S."""
        while True:
            await asyncio.sleep(self._ACK_WAIT_S / 3)
            with contextlib.suppress(NatsError, OSError):
                await message.in_progress()


class Follower(_Reader):
    """Reads every matching message once and in order, starting behind the position that the reader keeps itself.

    `position()` is asked at each (re)subscription: state and position live together, so nothing is applied twice.
    """

    _BATCH = 256

    def __init__(self, bus: Bus, stream: str, routes: Sequence[Route], position: Callable[[], int]) -> None:
        super().__init__(bus, stream, routes)
        self._position = position
        self._expected = 1

    async def _subscribe(self) -> PullSubscription:
        config = ConsumerConfig(
            filter_subjects=[route.subject for route in self._routes],
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self._position() + 1,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=30.0,
            mem_storage=True,
        )
        self._expected = 1
        return await self._bus.jetstream.pull_subscribe("", stream=self._stream, config=config)

    async def _take(self, message: Msg) -> None:
        if message.metadata.sequence.consumer != self._expected:
            raise Unavailable("a fetched batch was lost on the way: subscribe again from the position")
        self._expected += 1
        try:
            await self._handle(message)
        except Invalid as error:
            log.error("skipped %s %d: %s", message.subject, message.metadata.sequence.stream, error)


async def _messages(subscription: PullSubscription, most: int) -> AsyncIterator[Msg]:
    """One at a time when up to date (no waiting for company), in batches when far behind."""
    batch = 1
    try:
        while True:
            fetched: list[Msg] = []
            try:
                # fetch() may hang after a reconnect (nats.py #933): our own clock ends it.
                async with asyncio.timeout(_FETCH_S + 2):
                    fetched = await subscription.fetch(batch, timeout=_FETCH_S)
            except TimeoutError:
                await subscription.consumer_info()  # raises when the consumer is gone: then subscribe anew
            for message in fetched:
                yield message
                batch = max(1, min(message.metadata.num_pending or 1, most))
    finally:
        with contextlib.suppress(NatsError, TimeoutError, OSError):
            await subscription.unsubscribe()
