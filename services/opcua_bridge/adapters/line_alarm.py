"""One class of alarm at one line: said when it comes up, says something else, or goes; once each, over all lives."""

from jidoka.line.v1 import line_pb2

from services.chassis.bus import Bus
from services.contracts.instant import seconds, timestamp
from services.contracts.plant import Place
from services.contracts.subjects import ALARM_CHANGED
from services.opcua_bridge.adapters.last_words import last_said
from services.opcua_bridge.domain.line import LineName


class LineAlarm:
    """Each class has a place of its own (`where`), lest the last word of another be lost."""

    def __init__(self, bus: Bus, line: LineName, alarm_class: line_pb2.AlarmClass, where: str) -> None:
        self._bus, self._line, self._class, self._where = bus, line, alarm_class, where
        self._detail, self._since_s = "", 0.0

    async def recall(self) -> None:
        """Take up what an earlier life said last. Raises Unavailable."""
        said, _ = await last_said(self._bus, ALARM_CHANGED, self._place)
        if isinstance(said, line_pb2.AlarmChanged) and said.active:
            self._detail, self._since_s = said.detail, seconds(said.since)
        else:
            self._detail, self._since_s = "", 0.0

    async def say(self, detail: str, now_s: float) -> None:
        """What is wrong now, in one sentence; empty: nothing. Raises Unavailable when the broker did not store it."""
        if detail == self._detail:
            return
        since_s = self._since_s if self._detail else now_s
        message = line_pb2.AlarmChanged(
            site=self._line.site,
            line=self._line.line,
            alarm_class=self._class,
            active=bool(detail),
            since=timestamp(since_s),
            detail=detail,
            changed_at=timestamp(now_s),
        )
        msg_id = f"{self._line}:{self._where}:{message.changed_at.ToNanoseconds()}:{message.active}"
        await self._bus.publish(ALARM_CHANGED.at(self._place), message, msg_id)
        self._detail, self._since_s = detail, since_s

    @property
    def _place(self) -> Place:
        return Place(self._line.site, self._line.line, self._where)
