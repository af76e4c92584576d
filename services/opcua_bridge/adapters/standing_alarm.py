"""An alarm about what all lines share, said at every line: certificates that soon expire, a broker that fills.

Only the bridge with the duty says it, about what it sees itself.
"""

import asyncio
import logging
from collections.abc import Collection
from typing import Any

from jidoka.line.v1 import line_pb2

from services.chassis.backoff import Backoff
from services.chassis.bus import Bus
from services.chassis.errors import Unavailable
from services.chassis.run import cancel, spawn
from services.opcua_bridge.adapters.line_alarm import LineAlarm
from services.opcua_bridge.domain.line import LineName

_PAUSE_MAX_S = 5.0
log = logging.getLogger("jidoka.opcua")


class StandingAlarm:
    """Comes up, is said again when there is more to say, and goes.

    `station`: where it stands in the subject, so that no other class of alarm has its last word there.
    """

    def __init__(self, bus: Bus, lines: Collection[LineName], alarm_class: line_pb2.AlarmClass, station: str) -> None:
        self._clock, self._station = bus.clock, station
        self._alarms = [LineAlarm(bus, line, alarm_class, station) for line in lines]
        self._detail: str | None = None  # until somebody has looked
        self._heard = asyncio.Event()
        self._task: asyncio.Task[Any] | None = None

    def hear(self, detail: str) -> None:
        """What is wrong as of now, and what to do about it; empty: nothing."""
        self._detail = detail
        self._heard.set()

    async def start(self) -> None:
        """Raises Unavailable while the broker does not say whether the alarm of an earlier life stands."""
        for alarm in self._alarms:
            await alarm.recall()
        self._heard.set()
        self._task = spawn(self._tell_forever(), f"alarm {self._station}")

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
                log.debug("the alarm %s is said again in %.1f s: %s", self._station, backoff.next_s, error)
                self._heard.set()
                await backoff.wait()
