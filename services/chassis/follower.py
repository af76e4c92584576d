"""Reads everything in order from a position, which lives with the state that was made of what was read."""

import contextlib
import logging
import secrets
from collections.abc import Callable, Sequence

from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamInfo

from services.chassis.backoff import Backoff
from services.chassis.bus import Bus
from services.chassis.errors import MeshError, Unavailable
from services.chassis.reader import AWAY, Anew, PullSubscription, Reader
from services.chassis.route import Route

log = logging.getLogger("jidoka.streams")


class Follower(Reader):
    """Reads every matching message once and in order, starting behind the position that its owner keeps.

    `position()` is asked at each (re)subscription: state and position live together, so nothing is applied twice.
    Unavailable: read again from the position, for ever. Any other MeshError: parked at once. A bug: parked after three
    tries, for one poisonous fact must not end the process, life after life (B16).
    """

    _BATCH = 256
    _TRIES = 3
    _MOST_BEHIND = 1_000  # with more than that unread, what we know is of the past: not healthy

    def __init__(
        self,
        bus: Bus,
        stream: str,
        routes: Sequence[Route],
        position: Callable[[], int],
        *,
        name: str = "",
        passed: Callable[[int], None] | None = None,
        anew: Anew | None = None,
    ) -> None:
        """`passed` hears the sequence of each message that we are done with, also of those that were parked.

        `anew` is asked to forget when the stream is another one: after it, `position()` is one of the new stream.
        """
        super().__init__(bus, stream, routes, name or bus.user, anew)
        self._position, self._passed = position, passed
        self._expected = 1
        self._failed, self._tries = 0, 0

    def healthy(self) -> bool:
        """Whether it reads and is not far behind."""
        return super().healthy() and self.lag <= self._MOST_BEHIND

    def _last(self) -> int:
        return self._position()

    def _from_here(self) -> ConsumerConfig:
        return ConsumerConfig(
            filter_subjects=[route.subject for route in self._routes],
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self._position() + 1,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=30.0,
            mem_storage=True,
        )

    async def _subscribe(self) -> PullSubscription:
        self._expected = 1
        return await self._bus.jetstream.pull_subscribe("", stream=self._stream, config=self._from_here())

    async def _take(self, message: Msg) -> None:
        if message.metadata.sequence.consumer != self._expected:
            raise Unavailable("a fetched batch was lost on the way: subscribe again from the position")
        self._expected += 1
        try:
            await self._handle(message)
        except AWAY:
            raise
        except MeshError as error:
            await self._park(message, str(error))
        except Exception as error:
            await self._try_again(message, error)
        if self._passed is not None:
            self._passed(message.metadata.sequence.stream)

    async def _try_again(self, message: Msg, error: Exception) -> None:
        """Raises Unavailable until it was tried often enough; then the message is parked."""
        sequence = message.metadata.sequence.stream
        self._tries = self._tries + 1 if sequence == self._failed else 1
        self._failed = sequence
        log.error("%s %d failed, try %d", message.subject, sequence, self._tries, exc_info=error)
        if self._tries < self._TRIES:
            raise Unavailable(f"{message.subject} {sequence} failed: {type(error).__name__}: {error}") from error
        await self._park(message, f"failed {self._TRIES} times: {type(error).__name__}: {error}")


class Story(Follower):
    """A follower from the stream's beginning, or from its `newest` facts on, that knows how far it has come."""

    def __init__(
        self,
        bus: Bus,
        stream: str,
        routes: Sequence[Route],
        *,
        newest: int | None = None,
        name: str = "",
        anew: Anew | None = None,
    ) -> None:
        super().__init__(bus, stream, routes, lambda: self.position, name=name, passed=self._move, anew=anew)
        self._newest = newest
        self.position = 0
        """The sequence up to which everything has been read."""

    def _move(self, sequence: int) -> None:
        self.position = sequence

    async def _meet(self, stream: StreamInfo) -> None:
        if not self._born and self._newest is not None:
            self.position = max(0, stream.state.last_seq - self._newest)
        await super()._meet(stream)

    async def _begin_anew(self) -> None:
        self.position = 0  # all that a new stream holds is new
        await super()._begin_anew()

    async def behind(self) -> int:
        """How many messages of the stream we have not yet applied: a new consumer knows. Raises Unavailable."""
        name = f"{self._bus.user}-{secrets.token_hex(8)}"
        config = self._from_here().evolve(name=name, inactive_threshold=1.0)
        try:
            stream = await self._bus.jetstream.stream_info(self._stream)
            if not self._born or self._is_another(stream):
                return max(1, stream.state.messages)
            info = await self._bus.jetstream.add_consumer(self._stream, config)
        except AWAY as error:
            raise Unavailable(f"the broker does not say how far we are behind: {error}") from error
        return info.num_pending or 0

    async def caught_up(self) -> None:
        """Return when all that the stream held has been read; waits for a broker or a stream that is away."""
        backoff = Backoff(0.05, 1.0)
        while True:
            with contextlib.suppress(Unavailable):
                if not await self.behind():
                    return
            await backoff.wait()
