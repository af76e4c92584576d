"""Folds the streams into the view."""

from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from services.chassis.bus import Bus
from services.chassis.streams import Delivery, Follower, Handler, Route
from services.contracts.subjects import (
    CONTEXT_CHANGED,
    CONTEXT_DECLARED,
    LINE,
    LINE_RESUMED,
    LINE_STATE_CHANGED,
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
    LINE_RESUMED: "lastResume",
    PAUSE_REQUESTED: "lastPauseRequest",
    LINE_STATE_CHANGED: "state",
    CONTEXT_CHANGED: "contextByOpcUa",
    CONTEXT_DECLARED: "contextByRest",
}
_ON_RULES = (RULES_PROPOSED, RULES_APPROVED, RULES_ACTIVATED)
_ON_ORDERS = {
    WORK_REQUESTED: "REQUESTED",
    WORK_OPENED: "OPENED",
    WORK_DEAD_LETTERED: "DEAD_LETTERED",
    WORK_CANCELLED: "CANCELLED",
    WORK_COMPLETED: "COMPLETED",
}


class ViewReader:
    """Follows the three streams, beginning with the newest `remember` facts of each."""

    def __init__(self, bus: Bus, view: View, remember: int) -> None:
        self._bus = bus
        self._view = view
        self._remember = remember
        self._positions: dict[str, int] = {}
        self._followers: list[Follower] = []

    async def start(self) -> None:
        """Find the ends of the streams and follow them."""
        subjects = (VERDICT_REACHED, *_ON_RULES, *_ON_LINES, *_ON_ORDERS)
        for stream in (STATION, LINE, WORKREQUEST):
            state = (await self._bus.jetstream.stream_info(stream.name)).state
            self._positions[stream.name] = max(0, state.last_seq - self._remember)
            routes = [Route(s.everywhere, s.message, self._handler(s)) for s in subjects if s.stream is stream]
            follower = Follower(self._bus, stream.name, routes, lambda s=stream: self._position(s))  # type: ignore[misc]
            self._followers.append(follower)
            await follower.start()

    async def stop(self) -> None:
        """Stop following."""
        for follower in self._followers:
            await follower.stop()

    def _position(self, stream: Stream) -> int:
        return self._positions[stream.name]

    def _handler(self, subject: Subject) -> Handler:
        async def handle(message: Message, delivery: Delivery) -> None:
            self._apply(subject, MessageToDict(message))
            self._positions[subject.stream.name] = delivery.sequence

        return handle

    def _apply(self, subject: Subject, fact: dict[str, Any]) -> None:
        if subject is RULES_PROPOSED:
            self._view.on_rules_proposed(fact)
            return
        if subject in _ON_RULES:
            self._view.on_rules_changed(fact)
            return
        where = f"{fact['station']['site']}/{fact['station']['line']}"
        if subject is VERDICT_REACHED:
            self._view.on_verdict(where, fact)
        elif subject in _ON_LINES:
            self._view.on_line(where, _ON_LINES[subject], fact)
        else:
            self._view.on_workrequest(fact["key"], _ON_ORDERS[subject], fact)
