"""The alarm of certificates that soon expire, said at every line: one that expires stops all of them.

Only the bridge with the duty says it, about the certificates that it sees itself.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import Any

from jidoka.line.v1 import line_pb2

from services.chassis.backoff import Backoff
from services.chassis.bus import Bus
from services.chassis.errors import Unavailable
from services.chassis.run import cancel, spawn
from services.opcua_bridge.adapters.line_alarm import LineAlarm
from services.opcua_bridge.domain.certificates import Expiring, sentence
from services.opcua_bridge.domain.line import LineName

_PAUSE_MAX_S = 5.0
log = logging.getLogger("jidoka.opcua")


class ExpiryAlarm:
    """Comes up, is said again when a narrower threshold is passed, and goes when the certificates are new ones."""

    def __init__(self, bus: Bus, lines: Collection[LineName]) -> None:
        self._clock = bus.clock
        self._alarms = [LineAlarm(bus, line, line_pb2.ALARM_CLASS_CERTIFICATE, "certificates") for line in lines]
        self._detail: str | None = None  # until somebody has looked
        self._heard = asyncio.Event()
        self._task: asyncio.Task[Any] | None = None

    def hear(self, expiring: Sequence[Expiring]) -> None:
        """All certificates that expire soon, as of now."""
        self._detail = sentence(expiring)
        self._heard.set()

    async def start(self) -> None:
        """Raises Unavailable while the broker does not say whether the alarm of an earlier life stands."""
        for alarm in self._alarms:
            await alarm.recall()
        self._heard.set()
        self._task = spawn(self._tell_forever(), "certificate alarm")

    async def stop(self) -> None:
        """What was said last stands."""
        await cancel(self._task)

    async def _tell_forever(self) -> None:
        backoff = Backoff(0.2, _PAUSE_MAX_S)
        while True:
            await self._heard.wait()
            self._heard.clear()
            try:
                for alarm in self._alarms if self._detail is not None else ():
                    await alarm.say(self._detail or "", self._clock.now_s())
                backoff.reset()
            except Unavailable as error:
                log.debug("the certificate alarm is said again in %.1f s: %s", backoff.next_s, error)
                self._heard.set()
                await backoff.wait()
