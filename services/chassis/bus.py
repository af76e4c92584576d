"""The broker: publishing with an acknowledgement, and a connection that comes back for ever and never lies about it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import nats
from google.protobuf.message import Message
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import APIError, NoStreamResponseError
from opentelemetry.trace import SpanKind

from services.chassis import telemetry
from services.chassis.backoff import Backoff
from services.chassis.broker_clock import BrokerClock
from services.chassis.errors import Conflict, Invalid, MeshError, Unavailable
from services.chassis.run import cancel, spawn
from services.chassis.trouble import Trouble
from services.contracts import headers
from services.contracts.subjects import TIMEKEEPER

log = logging.getLogger("jidoka.bus")
PUBLISH_DEADLINE_S = 3.0
_PROBE_S = 2.0
# What the broker will say again however often it is asked (nats-server's errors.json): "send again" would be for ever.
_FOR_GOOD: Mapping[int, type[MeshError]] = {
    10054: Invalid,  # message size exceeds maximum allowed
    10070: Conflict,  # wrong last sequence (in a cluster)
    10071: Conflict,  # wrong last sequence: another message stands on the subject
}
_REFUSED_S = 10.0  # then a refusal is old news: who is not ready is asked nothing, and would never find out
_CANNOT_STORE = 500


class Stored(NamedTuple):
    """Where a message stands in its stream, and whether one with this id stood there before: then that one counts."""

    sequence: int
    duplicate: bool


class Bus:
    """One broker connection of one service. Start it first, stop it last."""

    def __init__(self, url: str, user: str, password: str, inbox_prefix: str = "_INBOX") -> None:
        self.user, self._url, self._password, self._inbox_prefix = user, url, password, inbox_prefix
        self.clock = BrokerClock(self._ask_time)
        """What all services agree on, from `start` on."""
        self._client = Client()
        self._js: JetStreamContext | None = None
        self._last_round_trip = float("-inf")
        self._refusals: dict[str, float] = {}
        self._store = Trouble(f"{user} stores facts")
        self._lost = False
        self._probe: asyncio.Task[Any] | None = None

    @property
    def jetstream(self) -> JetStreamContext:
        """The JetStream context of the live connection. Raises Unavailable before there was one."""
        if self._js is None:
            raise Unavailable("the broker has not been reached yet", fix="wait until it is")
        return self._js

    async def start(self) -> None:
        """Connect; waits for a broker that is still away."""
        self._client = await nats.connect(
            self._url,
            name=self.user,
            user=self.user,
            password=self._password,
            inbox_prefix=self._inbox_prefix.encode(),
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.25,
            ping_interval=5,
            max_outstanding_pings=2,
            connect_timeout=2,
            error_cb=self._on_error,
            disconnected_cb=self._on_lost,
            reconnected_cb=self._on_return,
        )
        self._js = self._client.jetstream(timeout=PUBLISH_DEADLINE_S)
        self._last_round_trip = time.monotonic()
        self._probe = spawn(self._probe_forever(), "bus probe")
        await self.clock.start()

    async def stop(self) -> None:
        """Flush and close."""
        await self.clock.stop()
        await cancel(self._probe)
        with contextlib.suppress(NatsError, OSError):  # a dead broker must not spoil the rest of the drain
            await (self._client.drain() if self._client.is_connected else self._client.close())

    def healthy(self) -> bool:
        """Whether JetStream answered lately and stores what we say (R4): a half-open link still says `connected`."""
        now = time.monotonic()
        refused = any(now - at < _REFUSED_S for at in self._refusals.copy().values())
        return now - self._last_round_trip < 3 * _PROBE_S and not refused

    def stored(self, what: str) -> None:
        """The broker has stored something of that kind."""
        self._last_round_trip = time.monotonic()
        self._refusals.pop(what, None)
        if not self._refusals:
            self._store.over()

    def refused(self, what: str, error: Exception) -> None:
        """The broker did not store something of that kind; only when it cannot is that its fault."""
        if (isinstance(error, APIError) and (error.code or 0) >= _CANNOT_STORE) or isinstance(
            error, NoStreamResponseError
        ):
            self._refusals[what] = time.monotonic()
            self._store.met(f"{what} is refused: {error}")

    async def publish(
        self,
        subject: str,
        message: Message | bytes,
        msg_id: str,
        *,
        extra: Mapping[str, str] | None = None,
        deadline_s: float = PUBLISH_DEADLINE_S,
    ) -> Stored:
        """Publish and wait until the broker has stored it, under an id that holds for this subject alone.

        Repeats until the deadline: the id makes a repeat harmless. Raises Unavailable: nothing is promised then; and
        Conflict where `extra` expects another last message (headers.EXPECTED_LAST), or Invalid for one that is too
        large: it was not stored, and will not be.
        """
        jetstream = self.jetstream
        payload = message if isinstance(message, bytes) else message.SerializeToString()
        ends = time.monotonic() + deadline_s
        backoff = Backoff(0.05, 0.5)
        what = ".".join(subject.split(".")[2:4])
        with telemetry.span(f"publish {what}", SpanKind.PRODUCER, subject=subject):
            carried = {headers.MSG_ID: headers.msg_id(subject, msg_id), **telemetry.inject(), **(extra or {})}
            while True:
                left_s = ends - time.monotonic()
                try:
                    ack = await jetstream.publish(subject, payload, timeout=max(left_s, 0.01), headers=dict(carried))
                    self.stored(what)
                    return Stored(int(ack.seq), bool(ack.duplicate))
                except (NatsError, TimeoutError, OSError) as error:
                    if isinstance(error, APIError) and (kind := _FOR_GOOD.get(error.err_code or 0)):
                        raise kind(f"the broker refuses {subject}: {error.description}") from error
                    self.refused(what, error)
                    if left_s <= backoff.next_s:
                        raise Unavailable(
                            f"the broker did not acknowledge {subject}: {error}", fix="send again"
                        ) from error
                await backoff.wait()

    async def _ask_time(self) -> bytes:
        # Of the stream's leader, whose clock stamps what it stores (`stored_at`).
        return bytes((await self._client.request(f"$JS.API.STREAM.INFO.{TIMEKEEPER.name}", timeout=1)).data)

    async def _probe_forever(self) -> None:
        while True:
            await asyncio.sleep(_PROBE_S)
            try:
                # Work, and no flush of the connection: a broker without its store answers that, too (R4).
                async with asyncio.timeout(_PROBE_S):
                    await self.jetstream.account_info()
                self._last_round_trip = time.monotonic()
            except (NatsError, TimeoutError, OSError):
                continue  # `healthy` tells

    # Nothing in these callbacks may raise: that would end reconnection for ever.
    async def _on_error(self, error: Exception | None = None) -> None:
        log.debug("broker: %s", error)

    async def _on_lost(self, *_: object) -> None:
        if not self._lost and not self._client.is_draining and not self._client.is_closed:
            self._lost = True
            log.warning("broker connection lost: reconnecting for ever")

    async def _on_return(self, *_: object) -> None:
        self._lost = False
        log.warning("broker connection is back")
