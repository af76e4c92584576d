"""Folds the streams into the view."""

from collections.abc import Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from services.chassis.bus import Bus
from services.chassis.streams import Delivery, Follower, Handler, Route
from services.contracts.subjects import (
    ALARM_CHANGED,
    AUDIT,
    AUDIT_RECORDED,
    CONTEXT_CHANGED,
    CONTEXT_DECLARED,
    LINE,
    LINE_RESUMED,
    LINE_STATE_CHANGED,
    PAUSE_PROGRESSED,
    PAUSE_REQUESTED,
    PAUSE_SETTLED,
    RULES_ACTIVATED,
    RULES_APPROVED,
    RULES_PROPOSED,
    STATION,
    VERDICT_REACHED,
    WORK_CANCELLED,
    WORK_COMPLETED,
    WORK_DEAD_LETTERED,
    WORK_OPENED,
    WORK_REQUESTED,
    WORKREQUEST,
    Stream,
    Subject,
)
from services.gateway.domain import View

_ON_LINES = {
    PAUSE_SETTLED: "lastPause",
    PAUSE_REQUESTED: "lastPauseRequest",
    LINE_STATE_CHANGED: "state",
    CONTEXT_CHANGED: "contextByOpcUa",
    CONTEXT_DECLARED: "contextByRest",
}
_ON_THEIR_OWN = (PAUSE_PROGRESSED, LINE_RESUMED, AUDIT_RECORDED)
_ON_RULES = (RULES_PROPOSED, RULES_APPROVED, RULES_ACTIVATED)
_ON_ORDERS = {
    WORK_REQUESTED: "REQUESTED",
    WORK_OPENED: "OPENED",
    WORK_DEAD_LETTERED: "DEAD_LETTERED",
    WORK_CANCELLED: "CANCELLED",
    WORK_COMPLETED: "COMPLETED",
}


class ViewReader:
    """Follows the streams, beginning with the newest `remember` facts of each; alarms, which stand long, with all."""

    def __init__(self, bus: Bus, view: View, remember: int) -> None:
        self._bus = bus
        self._view = view
        self._remember = remember
        self._positions: dict[tuple[str, ...], int] = {}
        self._followers: list[Follower] = []

    async def start(self) -> None:
        """Find the ends of the streams and follow them."""
        subjects = (VERDICT_REACHED, *_ON_RULES, *_ON_LINES, *_ON_ORDERS, *_ON_THEIR_OWN)
        for stream in (STATION, LINE, WORKREQUEST, AUDIT):
            state = (await self._bus.jetstream.stream_info(stream.name)).state
            await self._follow(stream, [s for s in subjects if s.stream is stream], state.last_seq - self._remember)
        await self._follow(LINE, [ALARM_CHANGED], 0)

    async def stop(self) -> None:
        """Stop following."""
        for follower in self._followers:
            await follower.stop()

    async def _follow(self, stream: Stream, subjects: Sequence[Subject], position: int) -> None:
        key = tuple(subject.everywhere for subject in subjects)
        self._positions[key] = max(0, position)
        routes = [Route(s.everywhere, s.message, self._handler(s, key)) for s in subjects]
        follower = Follower(self._bus, stream.name, routes, lambda: self._positions[key])
        self._followers.append(follower)
        await follower.start()

    def _handler(self, subject: Subject, key: tuple[str, ...]) -> Handler:
        async def handle(message: Message, delivery: Delivery) -> None:
            self._apply(subject, MessageToDict(message), delivery.sequence)
            self._positions[key] = delivery.sequence

        return handle

    def _apply(self, subject: Subject, fact: dict[str, Any], sequence: int) -> None:
        if subject is AUDIT_RECORDED:
            self._view.audit.put(str(sequence), fact)
            return
        if subject is ALARM_CHANGED:
            self._view.on_alarm(f"{fact['site']}/{fact['line']}", fact)
            return
        if subject is RULES_PROPOSED:
            self._view.on_rules_proposed(fact)
            return
        if subject in _ON_RULES:
            self._view.on_rules_changed(fact)
            return
        where = f"{fact['station']['site']}/{fact['station']['line']}"
        if subject is VERDICT_REACHED:
            self._view.on_verdict(where, fact)
        elif subject is PAUSE_PROGRESSED:
            self._view.on_pause_progressed(where, fact)
        elif subject is LINE_RESUMED:
            self._view.on_resumed(where, fact)
        elif subject in _ON_LINES:
            self._view.on_line(where, _ON_LINES[subject], fact)
        else:
            self._view.on_workrequest(fact["key"], _ON_ORDERS[subject], fact)
