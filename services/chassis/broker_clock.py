"""The one clock that all services share: the broker's, reckoned from its answers (B13)."""

import asyncio
import json
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nats.errors import Error as NatsError
from prometheus_client import Gauge

from services.chassis.backoff import Backoff
from services.chassis.run import cancel, spawn

log = logging.getLogger("jidoka.clock")
SKEW = Gauge("jidoka_clock_skew_seconds", "This machine's clock less the broker's")
ALARM_S, CALM_S = 1.0, 0.5
"""So far off is said; so near again is the end of it (apart, lest a clock on the edge be said for ever)."""
_REMEMBERED = 8
_ASK_S, _ANSWER_S = 5.0, 1.0
_SLACK_S = 0.05  # two clocks that nobody sets drift apart by less than this while we remember an answer
Clock = Callable[[], float]


@dataclass(frozen=True)
class _Answer:
    """`offset_s`: the broker's clock less our running one; it is wrong by at most half of the round trip."""

    offset_s: float
    round_trip_s: float

    def agrees(self, other: "_Answer") -> bool:
        return abs(self.offset_s - other.offset_s) <= (self.round_trip_s + other.round_trip_s) / 2 + _SLACK_S


class BrokerClock:
    """Asks the broker for the time now and then; between two answers the machine's running clock counts on.

    So it moves neither when somebody sets the machine's clock nor while the broker is away.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[bytes]],
        *,
        every_s: float = _ASK_S,
        monotonic: Clock = time.monotonic,
        wall: Clock = time.time,
    ) -> None:
        """`ask` brings a JetStream answer about a stream: it carries `ts` (nats-server 2.10 and later)."""
        self._ask, self._every_s, self._monotonic, self._wall = ask, every_s, monotonic, wall
        self._answers: deque[_Answer] = deque(maxlen=_REMEMBERED)
        self._offset_s: float | None = None
        self._is_off = False
        self._task: asyncio.Task[Any] | None = None

    @property
    def known(self) -> bool:
        """Whether the broker has ever said its time."""
        return self._offset_s is not None

    def now_s(self) -> float:
        """Seconds of the epoch by the broker's clock; by our own as long as the broker's is not known."""
        return self._wall() if self._offset_s is None else self._monotonic() + self._offset_s

    @property
    def skew_s(self) -> float:
        """Our own clock less the broker's, in seconds; 0 as long as that is not known."""
        return self._wall() - self.now_s() if self.known else 0.0

    async def start(self) -> None:
        """Ask once, and go on asking; a broker that does not say the time holds nobody up."""
        await self._look()
        self._task = spawn(self._look_forever(), "broker clock")

    async def stop(self) -> None:
        """Ask no more."""
        await cancel(self._task)

    def heard(self, sent_s: float, received_s: float, broker_s: float) -> None:
        """The broker's clock was `broker_s` somewhere between two readings of our running clock."""
        answer = _Answer(broker_s - (sent_s + received_s) / 2, received_s - sent_s)
        if not all(answer.agrees(other) for other in self._answers):
            self._answers.clear()  # a clock was set, or another server of the cluster answers
        self._answers.append(answer)
        self._offset_s = min(self._answers, key=lambda each: each.round_trip_s).offset_s
        self._say()

    def _say(self) -> None:
        skew_s = self.skew_s
        SKEW.set(skew_s)
        if not self._is_off and abs(skew_s) > ALARM_S:
            self._is_off = True
            way = "ahead of" if skew_s > 0 else "behind"
            log.warning("this machine's clock is %.1f s %s the broker's: set it (NTP)", abs(skew_s), way)
        elif self._is_off and abs(skew_s) < CALM_S:
            self._is_off = False
            log.warning("this machine's clock is right again")

    async def _look_forever(self) -> None:
        backoff = Backoff(self._every_s / 10, self._every_s)
        while True:
            if self.known:
                await asyncio.sleep(self._every_s * random.uniform(0.75, 1.25))
            else:
                await backoff.wait()
            await self._look()

    async def _look(self) -> None:
        sent_s = self._monotonic()
        try:
            async with asyncio.timeout(_ANSWER_S):
                answer = await self._ask()
            said = json.loads(answer)["ts"]
            self.heard(sent_s, self._monotonic(), datetime.fromisoformat(said).timestamp())
        except (NatsError, TimeoutError, OSError, ValueError, KeyError, TypeError) as error:
            log.debug("the broker does not say the time: %r", error)
