"""Folds the streams into the view."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message

from services.chassis.backoff import Backoff
from services.chassis.bus import Bus
from services.chassis.errors import Invalid
from services.chassis.reader import AWAY
from services.chassis.run import cancel, spawn
from services.chassis.streams import Delivery, Handler, Route, Story
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
        self._bus, self._view = bus, view
        self._states: asyncio.Task[Any] | None = None
        self._stories: list[Story] = []
        for stream in (STATION, LINE, WORKREQUEST, AUDIT):
            heard = [subject for subject in HEARD if subject.stream is stream]
            self._follow(stream, [s for s in heard if s in MANY], remember, "newest facts")
            self._follow(stream, [s for s in heard if s not in MANY], None, "facts")

    async def start(self) -> None:
        """Read in the background; streams that are not there yet are waited for."""
        self._states = spawn(self._last_states(), "last states")
        for story in self._stories:
            await story.start()

    async def stop(self) -> None:
        """Stop following."""
        await cancel(self._states)
        for story in self._stories:
            await story.stop()

    def healthy(self) -> bool:
        """Whether the view is of now."""
        return all(story.healthy() for story in self._stories)

    def _follow(self, stream: Stream, subjects: Sequence[Subject], newest: int | None, what: str) -> None:
        if not subjects:
            return
        routes = [Route(s.everywhere, s.message, self._handler(s)) for s in subjects]
        name = f"view of the {what}"
        story = Story(self._bus, stream.name, routes, newest=newest, name=name, anew=self._begin_anew)
        self._stories.append(story)

    async def _begin_anew(self) -> None:
        self._view.forget_places()

    async def _last_states(self) -> None:
        """A line that stands still says nothing: its state is older than the newest facts of the busy ones (B5)."""
        backoff = Backoff(0.5, 5.0)
        while True:
            with contextlib.suppress(*AWAY):
                return await self._show_last_states()
            await backoff.wait()

    async def _show_last_states(self) -> None:
        jetstream = self._bus.jetstream
        known = (await jetstream.stream_info(LINE.name, LINE_STATE_CHANGED.everywhere)).state.subjects or {}
        stored = [await jetstream.get_last_msg(LINE.name, subject) for subject in known]
        for last in sorted(stored, key=lambda each: each.seq or 0):
            with contextlib.suppress(DecodeError, KeyError):  # what is no state is passed over, as in the stream
                message = LINE_STATE_CHANGED.message.FromString(last.data or b"")
                fact = MessageToDict(message)
                if "state" not in self._view.lines.get(_line(fact), {}):
                    HEARD[LINE_STATE_CHANGED](self._view, fact, last.seq or 0)

    def _handler(self, subject: Subject) -> Handler:
        async def handle(message: Message, delivery: Delivery) -> None:
            try:
                HEARD[subject](self._view, MessageToDict(message), delivery.sequence)
            except KeyError as error:  # parked; the view must not end because somebody left a field empty
                raise Invalid(f"the fact has no {error}", field="fact") from error

        return handle


def _line(fact: Fact, of: str = "station") -> str:
    at = fact.get(of) or fact["station"]
    return f"{at['site']}/{at['line']}"


def _whole_line(fact: Fact) -> str:
    return f"{fact['site']}/{fact['line']}"
