"""Folds the streams into the view."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message

from services.chassis.bus import Bus
from services.chassis.errors import Invalid
from services.chassis.streams import Delivery, Follower, Handler, Route
from services.contracts.subjects import (
    ALARM_CHANGED,
    AUDIT,
    AUDIT_RECORDED,
    CONTAINMENT_DECLARED,
    CONTEXT_CHANGED,
    CONTEXT_DECLARED,
    INCIDENT_CLOSED,
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
    STATION_SILENT,
    VERDICT_REACHED,
    WARNED,
    WORK_CANCELLED,
    WORK_COMPLETED,
    WORK_DEAD_LETTERED,
    WORK_OPENED,
    WORK_REQUESTED,
    WORK_UPDATED,
    WORKREQUEST,
    Stream,
    Subject,
)
from services.gateway.domain import View

Fact = dict[str, Any]
Told = Callable[[View, Fact, int], None]
"""Tells the view a fact and its place in the stream."""


def _about_line(what: str) -> Told:
    return lambda view, fact, _: view.on_line(_line(fact), what, fact)


def _about_order(status: str) -> Told:
    return lambda view, fact, _: view.on_workrequest(fact["key"], status, fact)


def _requested(view: View, fact: Fact, _: int) -> None:
    view.on_workrequest(fact["key"], "REQUESTED", fact)
    view.on_incident(_line(fact), "order", fact)


def _pause_requested(view: View, fact: Fact, _: int) -> None:
    view.on_line(_line(fact), "lastPauseRequest", fact)
    view.on_incident(_line(fact), "pauseRequest", fact)


def _pause_settled(view: View, fact: Fact, _: int) -> None:
    view.on_line(_line(fact), "lastPause", fact)
    view.on_incident(_line(fact, "askedBy"), "pause", fact)


def _resumed(view: View, fact: Fact, _: int) -> None:
    view.on_resumed(_line(fact), fact)
    view.on_incident(_line(fact), "resume", fact)


HEARD: dict[Subject, Told] = {
    VERDICT_REACHED: lambda view, fact, sequence: view.on_verdict(_line(fact), fact, sequence),
    STATION_SILENT: lambda view, fact, sequence: view.on_silent(_line(fact), fact, sequence),
    RULES_PROPOSED: lambda view, fact, _: view.on_rules_proposed(fact),
    RULES_APPROVED: lambda view, fact, _: view.on_rules_changed(fact),
    RULES_ACTIVATED: lambda view, fact, _: view.on_rules_changed(fact),
    CONTEXT_CHANGED: _about_line("contextByOpcUa"),
    CONTEXT_DECLARED: _about_line("contextByRest"),
    PAUSE_REQUESTED: _pause_requested,
    PAUSE_PROGRESSED: lambda view, fact, _: view.on_pause_progressed(_line(fact), fact),
    PAUSE_SETTLED: _pause_settled,
    LINE_RESUMED: _resumed,
    INCIDENT_CLOSED: lambda view, fact, _: view.on_incident(_whole_line(fact), "closure", fact),
    WARNED: lambda view, fact, _: view.on_warned(_line(fact), fact),
    CONTAINMENT_DECLARED: lambda view, fact, _: view.on_contained(_line(fact), fact),
    LINE_STATE_CHANGED: _about_line("state"),
    ALARM_CHANGED: lambda view, fact, _: view.on_alarm(_whole_line(fact), fact),
    AUDIT_RECORDED: lambda view, fact, sequence: view.audit.put(str(sequence), fact),
    WORK_REQUESTED: _requested,
    WORK_UPDATED: lambda view, fact, _: view.on_work_updated(_line(fact), fact),
    WORK_OPENED: _about_order("OPENED"),
    WORK_DEAD_LETTERED: _about_order("DEAD_LETTERED"),
    WORK_CANCELLED: _about_order("CANCELLED"),
    WORK_COMPLETED: _about_order("COMPLETED"),
}
# Of these there are so many that the newest must do. All others are few and stand long: a proposal, the rules in force
# or an alarm may be older than a million verdicts (B5).
MANY = (VERDICT_REACHED, LINE_STATE_CHANGED, AUDIT_RECORDED)


class ViewReader:
    """Follows the streams from their beginning; what is told for each part from among the newest `remember` facts."""

    def __init__(self, bus: Bus, view: View, remember: int) -> None:
        self._bus = bus
        self._view = view
        self._remember = remember
        self._positions: dict[tuple[str, ...], int] = {}
        self._followers: list[Follower] = []

    async def start(self) -> None:
        """Find the ends of the streams and follow them."""
        await self._last_states()
        for stream in (STATION, LINE, WORKREQUEST, AUDIT):
            state = (await self._bus.jetstream.stream_info(stream.name)).state
            heard = [subject for subject in HEARD if subject.stream is stream]
            await self._follow(stream, [s for s in heard if s in MANY], state.last_seq - self._remember)
            await self._follow(stream, [s for s in heard if s not in MANY], 0)

    async def stop(self) -> None:
        """Stop following."""
        for follower in self._followers:
            await follower.stop()

    async def _last_states(self) -> None:
        """A line that stands still says nothing: its state is older than the newest facts of the busy ones (B5)."""
        jetstream = self._bus.jetstream
        known = (await jetstream.stream_info(LINE.name, LINE_STATE_CHANGED.everywhere)).state.subjects or {}
        stored = [await jetstream.get_last_msg(LINE.name, subject) for subject in known]
        for last in sorted(stored, key=lambda each: each.seq or 0):
            with contextlib.suppress(DecodeError, KeyError):  # what is no state is passed over, as in the stream
                message = LINE_STATE_CHANGED.message.FromString(last.data or b"")
                HEARD[LINE_STATE_CHANGED](self._view, MessageToDict(message), last.seq or 0)

    async def _follow(self, stream: Stream, subjects: Sequence[Subject], position: int) -> None:
        if not subjects:
            return
        key = tuple(subject.everywhere for subject in subjects)
        self._positions[key] = max(0, position)
        routes = [Route(s.everywhere, s.message, self._handler(s, key)) for s in subjects]
        follower = Follower(self._bus, stream.name, routes, lambda: self._positions[key])
        self._followers.append(follower)
        await follower.start()

    def _handler(self, subject: Subject, key: tuple[str, ...]) -> Handler:
        async def handle(message: Message, delivery: Delivery) -> None:
            self._positions[key] = delivery.sequence
            try:
                HEARD[subject](self._view, MessageToDict(message), delivery.sequence)
            except KeyError as error:  # passed over; the view must not end because somebody left a field empty
                raise Invalid(f"the fact has no {error}", field="fact") from error

        return handle


def _line(fact: Fact, of: str = "station") -> str:
    at = fact.get(of) or fact["station"]
    return f"{at['site']}/{at['line']}"


def _whole_line(fact: Fact) -> str:
    return f"{fact['site']}/{fact['line']}"
