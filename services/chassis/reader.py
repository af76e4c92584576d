"""What all readers of streams share: they fetch for ever, and what they cannot read is seen."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import StreamInfo
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Gauge

from services.chassis import telemetry
from services.chassis.backoff import Backoff
from services.chassis.bus import Bus
from services.chassis.errors import Invalid, Unavailable
from services.chassis.route import Delivery, Route
from services.chassis.run import cancel, spawn
from services.chassis.trouble import Trouble, why
from services.contracts import headers
from services.contracts.subjects import dead_letter

log = logging.getLogger("jidoka.streams")
LAG = Gauge("jidoka_stream_lag", "Messages that a reader has not read yet", ["stream", "reader"])
PARKED = Counter("jidoka_parked", "Messages that a reader gave up: they are in the dead letters", ["stream", "reader"])
AWAY = (NatsError, TimeoutError, OSError, Unavailable)
_FETCH_S = 2.0
PullSubscription = JetStreamContext.PullSubscription


Anew = Callable[[], Awaitable[None]]
"""The stream is another one: forget what came from the old one. Raises Unavailable: asked again."""


class Reader:
    """Fetches for ever; what is done with a message, and what a position is, subclasses say."""

    _BATCH = 1

    def __init__(self, bus: Bus, stream: str, routes: Sequence[Route], name: str, anew: Anew | None) -> None:
        """`name` is the reader's in gauges and words."""
        self._bus, self._stream, self._routes, self._name, self._anew = bus, stream, routes, name, anew
        self._trouble = Trouble(f"{name} reads {stream}")
        self._born = 0.0
        self._reads = False
        self.lag = 0
        """Messages that we know of and have not read."""
        self._task: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        """Read in the background; a stream that is not there yet is waited for."""
        self._task = spawn(self._read_forever(), f"reader of {self._stream}")

    async def stop(self) -> None:
        """Read no more."""
        await cancel(self._task)
        self._reads = False
        with contextlib.suppress(KeyError):
            LAG.remove(self._stream, self._name)

    def healthy(self) -> bool:
        """Whether it reads, or has not been able to for a moment only."""
        return self._reads and not self._trouble.lasts

    async def _read_forever(self) -> None:
        backoff = Backoff(0.1, 2.0)
        while True:
            try:
                await self._meet(await self._bus.jetstream.stream_info(self._stream))
                async for message in self._messages(await self._subscribe()):
                    await self._take(message)
                    self._well(message.metadata.num_pending or 0)
                    backoff.reset()
            except AWAY as error:
                self._trouble.met(why(error, self._stream))
                await backoff.wait()

    async def _meet(self, stream: StreamInfo) -> None:
        """Before each subscription: numbers and positions hold for one stream only (R3)."""
        if self._is_another(stream):
            log.warning("the stream %s was made anew: %s begins anew", self._stream, self._name)
            await self._begin_anew()
        self._born = born(stream)

    def _is_another(self, stream: StreamInfo) -> bool:
        return self._born not in (0.0, born(stream)) or stream.state.last_seq < self._last()

    def _last(self) -> int:
        """The sequence up to which we have read."""
        raise NotImplementedError

    async def _begin_anew(self) -> None:
        if self._anew is not None:
            await self._anew()

    async def _subscribe(self) -> PullSubscription:
        raise NotImplementedError

    async def _take(self, message: Msg) -> None:
        raise NotImplementedError

    async def _messages(self, subscription: PullSubscription) -> AsyncIterator[Msg]:
        """One at a time when up to date (no waiting for company), in batches when far behind."""
        batch = 1
        try:
            await self._look(subscription)
            while True:
                fetched: list[Msg] = []
                try:
                    # fetch() may hang after a reconnect (nats.py #933): our own clock ends it.
                    async with asyncio.timeout(_FETCH_S + 2):
                        fetched = await subscription.fetch(batch, timeout=_FETCH_S)
                except TimeoutError:
                    await self._look(subscription)
                for message in fetched:
                    yield message
                    batch = max(1, min(message.metadata.num_pending or 1, self._BATCH))
        finally:
            with contextlib.suppress(NatsError, TimeoutError, OSError):
                await subscription.unsubscribe()

    async def _look(self, subscription: PullSubscription) -> None:
        """Nothing came. Raises when our consumer is gone or the stream is another one: then subscribe anew."""
        if self._is_another(await self._bus.jetstream.stream_info(self._stream)):
            raise Unavailable("it was made anew")
        info = await subscription.consumer_info()
        waiting = (info.num_pending or 0) + (info.num_ack_pending or 0)
        self._show(waiting)
        if not waiting:
            self._well(0)

    def _well(self, lag: int) -> None:
        self._reads = True
        self._show(lag)
        self._trouble.over()

    def _show(self, lag: int) -> None:
        self.lag = lag
        LAG.labels(self._stream, self._name).set(lag)

    async def _handle(self, message: Msg) -> None:
        route = next((route for route in self._routes if route.matches(message.subject)), None)
        if route is None:
            return
        meta = message.metadata
        delivery = Delivery(message.subject, meta.sequence.stream, meta.timestamp, meta.num_delivered > 1, self._born)
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

    async def _park(self, message: Msg, reason: str) -> None:
        """Into the dead letters, with the reason. Raises Unavailable: then it is still ours."""
        sequence = message.metadata.sequence.stream
        origin = {
            headers.DEAD_REASON: " ".join(reason.split())[:500],
            headers.DEAD_SUBJECT: message.subject,
            headers.DEAD_SEQUENCE: str(sequence),
        }
        subject = dead_letter(self._bus.user, message.subject.split(".")[2])
        await self._bus.publish(subject, message.data, f"{self._bus.user}:{self._stream}:{sequence}", extra=origin)
        PARKED.labels(self._stream, self._name).inc()
        log.error("parked %s %d: %s", message.subject, sequence, reason)


def born(stream: StreamInfo) -> float:
    """When a stream was made, in seconds of the epoch: its identity."""
    return stream.created.timestamp() if stream.created else 0.0
