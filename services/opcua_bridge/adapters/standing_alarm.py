"""An alarm about what all lines share, said at every line: certificates that soon expire, a broker that fills.

Only the bridge with the duty says it, about what it sees itself.
"""

import asyncio
import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from jidoka.line.v1 import line_pb2

from services.chassis.backoff import Backoff
from services.chassis.bus import Bus
from services.chassis.errors import Unavailable
from services.chassis.run import cancel, spawn
from services.contracts.instant import now, seconds, timestamp
from services.contracts.plant import Place
from services.contracts.subjects import ALARM_CHANGED
from services.opcua_bridge.adapters.last_words import last_said
from services.opcua_bridge.domain.line import LineName

_PAUSE_MAX_S = 5.0
log = logging.getLogger("jidoka.opcua")


@dataclass(frozen=True)
class _Told:
    """What stands on the broker; no detail: no alarm."""

    detail: str = ""
    since: float = 0.0


class StandingAlarm:
    """Comes up, is said again when there is more to say, and goes.

    `station`: where it stands in the subject, so that no other class of alarm has its last word there.
    """

    def __init__(self, bus: Bus, lines: Collection[LineName], alarm_class: line_pb2.AlarmClass, station: str) -> None:
        self._bus, self._lines, self._class, self._station = bus, lines, alarm_class, station
        self._told: dict[LineName, _Told] = {}
        self._detail: str | None = None  # until somebody has looked
        self._heard = asyncio.Event()
        self._task: asyncio.Task[Any] | None = None

    def hear(self, detail: str) -> None:
        """What is wrong as of now, and what to do about it; empty: nothing."""
        self._detail = detail
        self._heard.set()

    async def start(self) -> None:
        """Raises Unavailable while the broker does not say whether the alarm of an earlier life stands."""
        for line in self._lines:
            said, _ = await last_said(self._bus, ALARM_CHANGED, self._place(line))
            stands = said if isinstance(said, line_pb2.AlarmChanged) and said.active else None
            self._told[line] = _Told(stands.detail, seconds(stands.since)) if stands else _Told()
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
                for line in self._lines if self._detail is not None else ():
                    await self._tell(line, self._detail or "")
                backoff.reset()
            except Unavailable as error:
                log.debug("the alarm %s is said again in %.1f s: %s", self._station, backoff.next_s, error)
                self._heard.set()
                await backoff.wait()

    async def _tell(self, line: LineName, detail: str) -> None:
        told = self._told[line]
        if detail == told.detail:
            return
        since = told.since if told.detail else time.time()
        message = line_pb2.AlarmChanged(
            site=line.site,
            line=line.line,
            alarm_class=self._class,
            active=bool(detail),
            since=timestamp(since),
            detail=detail,
            changed_at=now(),
        )
        msg_id = f"{line}:{self._station}:{message.changed_at.ToNanoseconds()}"
        await self._bus.publish(ALARM_CHANGED.at(self._place(line)), message, msg_id)
        self._told[line] = _Told(detail, since if detail else 0.0)

    def _place(self, line: LineName) -> Place:
        return Place(line.site, line.line, self._station)
