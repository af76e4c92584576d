"""The alarms of clocks that are off: the machine's of the bridge with the duty, the cameras', and parts that come late.

Every bridge hears the verdicts, so that the next one with the duty knows as much; only the one that has it speaks.
"""

import asyncio
import logging
import socket
from collections.abc import Collection
from typing import Any, Protocol

from jidoka.line.v1 import line_pb2

from services.chassis.broker_clock import ALARM_S, CALM_S
from services.chassis.bus import Bus
from services.chassis.errors import Unavailable
from services.chassis.run import cancel, spawn
from services.opcua_bridge.adapters.line_alarm import LineAlarm
from services.opcua_bridge.domain.line import LineName
from services.opcua_bridge.domain.part_times import CAMERA_CLOCK, LATE_PARTS, PartTimes
from services.opcua_bridge.ports import ShownVerdict

_LOOK_S = 1.0
_SKEW = "clock-skew"
_CLASSES = {
    _SKEW: line_pb2.ALARM_CLASS_CLOCK_SKEW,
    CAMERA_CLOCK: line_pb2.ALARM_CLASS_CAMERA_CLOCK,
    LATE_PARTS: line_pb2.ALARM_CLASS_LATE_PARTS,
}
log = logging.getLogger("jidoka.opcua_bridge")


class Clock(Protocol):
    """The broker's clock, and how far our own is ahead of it."""

    @property
    def skew_s(self) -> float: ...
    def now_s(self) -> float: ...


class ClockAlarms:
    """Looks once a second and says what has changed."""

    def __init__(self, bus: Bus, lines: Collection[LineName], clock: Clock, look_s: float = _LOOK_S) -> None:
        self._lines, self._clock, self._look_s = lines, clock, look_s
        self._alarms = {(kind, line): LineAlarm(bus, line, _CLASSES[kind], kind) for kind in _CLASSES for line in lines}
        self._times = PartTimes()
        self._skew = ""
        self._task: asyncio.Task[Any] | None = None

    def hear(self, verdict: ShownVerdict) -> None:
        """One part was judged, just now."""
        self._times.take(verdict.station, verdict.camera_skew_s, self._clock.now_s(), late=verdict.late)

    async def start(self) -> None:
        """Raises Unavailable while the broker does not say which alarms of an earlier life stand."""
        for alarm in self._alarms.values():
            await alarm.recall()
        self._task = spawn(self._look_forever(), "clock alarms")

    async def stop(self) -> None:
        """What was said last stands."""
        await cancel(self._task)

    async def _look_forever(self) -> None:
        while True:
            try:
                await self._look()
            except Unavailable as error:
                log.debug("the clock alarms are said again: %s", error)
            await asyncio.sleep(self._look_s)

    async def _look(self) -> None:
        now_s = self._clock.now_s()
        self._skew = self._own_skew()
        for (kind, line), alarm in self._alarms.items():
            await alarm.say(self._skew if kind == _SKEW else self._times.sentence(line, kind, now_s), now_s)

    def _own_skew(self) -> str:
        """The sentence stays as long as the alarm, though the skew drifts."""
        skew_s = self._clock.skew_s
        if abs(skew_s) < CALM_S:
            return ""
        if self._skew or abs(skew_s) <= ALARM_S:
            return self._skew
        way = "ahead of" if skew_s > 0 else "behind"
        return f"the clock of {socket.gethostname()} is {abs(skew_s):.1f} s {way} the broker's: set it (NTP)"
