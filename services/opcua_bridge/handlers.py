"""The use cases: hold a line when a rule asks for it, notice that an operator let it run again, say when we cannot."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Self

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from services.chassis import telemetry
from services.chassis.backoff import Backoff
from services.chassis.errors import Unavailable
from services.chassis.run import cancel, spawn
from services.opcua_bridge.domain.episodes import NEVER
from services.opcua_bridge.domain.handshake import ASKING, Handshake, Limits, State
from services.opcua_bridge.domain.line import EXECUTE, PAUSED, LineName, PauseRequest, PlcView
from services.opcua_bridge.domain.todo import ClaimAnew, TakeBack, Wait, Write
from services.opcua_bridge.ports import Board, Command, Episodes, Facts, Plc, PlcUnreachableError, Progress

log = logging.getLogger("jidoka.opcua_bridge")
Clock = Callable[[], float]
STANDBY = PlcView(detail="this bridge stands by: another one has the duty, or the broker is away")


class PauseLine:
    """Carries out the pause requests of one line, one after the other, and answers each with a receipt."""

    def __init__(self, plc: Plc, facts: Facts, board: Board, episodes: Episodes, limits: Limits, clock: Clock) -> None:
        """`clock`: the broker's, in seconds of the epoch; by it a request expires (B13)."""
        self._plc, self._facts, self._board, self._episodes = plc, facts, board, episodes
        self._limits = limits
        self._clock = clock

    async def on_pause_requested(self, request: PauseRequest, *, redelivered: bool) -> None:
        """Pursue the request to its end and say how it ended. Raises Unavailable when the broker took no receipt."""
        now = self._clock()
        asked = redelivered and self._limits.once and await self._facts.asked_before(request)
        it = Handshake(request, self._limits, redelivered=redelivered, now=now, asked=asked)
        await self._board.show_pause(request, it.state.value, now)
        with telemetry.span("plc handshake", line=str(request.station.line)) as span:
            async with _Telling(it, self._facts, self._board) as telling:
                await self._drive("plc acknowledge", it, telling, ASKING)
                await self._drive("plc held", it, telling, frozenset({State.ACKED}))
                await self._plc.let_go()
                await telling.done()
            span.set_attribute("command_id", it.command)
            if it.state is not State.CONFIRMED:
                span.set_status(Status(StatusCode.ERROR, f"{it.state.value}: {it.detail}"))
        outcome = {"command_id": it.command, "attempts": it.attempts, "detail": it.detail}
        log.warning("pause of %s: %s", request.station.line, it.state.value, extra=outcome)
        await self._facts.settled(request, it, self._clock())

    async def _drive(self, name: str, it: Handshake, telling: "_Telling", phase: frozenset[State]) -> None:
        """Do what the handshake says while it is in this phase; the trace shows how long that took."""
        if it.state not in phase:
            return
        with telemetry.span(name, SpanKind.CLIENT, line=str(it.request.station.line)) as span:
            while True:
                if why := self._episodes.overtaken(it.request):
                    it.overtaken(self._clock(), why)
                view = self._plc.view
                todo = it.step(self._clock(), view)
                telling.tell()
                if it.state not in phase:  # the next phase has its own span, and waits for itself
                    break
                match todo:
                    case Write(ttl_s):
                        await self._write(it, Command(it.command, it.request.text, ttl_s), telling)
                    case TakeBack():
                        await self._plc.let_go()
                    case ClaimAnew():
                        await self._plc.claim_anew()
                    case Wait(seconds):
                        await self._plc.changed(seconds, view)
            span.set_attribute("command_id", it.command)

    async def _write(self, it: Handshake, command: Command, telling: "_Telling") -> None:
        it.wrote(self._clock())
        telling.tell()
        if self._limits.once:  # a next life must know that it was said, before it is
            await telling.done()
        with telemetry.span("bridge plc write", SpanKind.CLIENT, command_id=command.id):
            try:
                await self._plc.hold(command)
            except PlcUnreachableError as error:
                log.info("write %d of command %d: %s", it.attempts, command.id, error)
                it.write_failed(self._clock())


class _Telling:
    """Tells each transition of a handshake: to the trace at once, in order but without delay to broker and SCADA."""

    def __init__(self, it: Handshake, facts: Facts, board: Board) -> None:
        self._it, self._facts, self._board = it, facts, board
        self._told = 0
        self._last: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await cancel(self._last)

    def tell(self) -> None:
        """Tell what is new."""
        it = self._it
        for state, at in it.passed[self._told :]:
            trace.get_current_span().add_event(state.value)
            progress = Progress(state, it.command, it.attempts, it.detail, at)
            self._last = asyncio.create_task(self._publish(self._last, progress))
        self._told = len(it.passed)

    async def done(self) -> None:
        """Return when everything has been told. Raises Unavailable."""
        if self._last is not None:
            await self._last

    async def _publish(self, before: asyncio.Task[None] | None, progress: Progress) -> None:
        if before is not None:
            await before
        await self._board.show_pause(self._it.request, progress.state.value, progress.at, progress.command)
        await self._facts.progressed(self._it.request, progress)


class WatchLine:
    """Tells the mesh and SCADA what one line does, that it runs again after a pause of ours, and that we lost it."""

    _LOOK_S = 5.0

    def __init__(
        self,
        line: LineName,
        plc: Plc,
        facts: Facts,
        board: Board,
        episodes: Episodes,
        alarm_after_s: float,
        clock: Clock,
    ) -> None:
        self._line, self._plc, self._facts, self._board, self._episodes = line, plc, facts, board, episodes
        self._alarm_after_s = alarm_after_s
        self._clock = clock
        self._told: PlcView | None = None  # on the broker
        self._shown: PlcView | None = None  # to SCADA
        self._last_paused_at = self._down_since = NEVER
        self._alarm_since: float | None = None
        self._task: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        """Raises Unavailable while the broker does not say whether the alarm of an earlier life stands."""
        self._alarm_since = await self._facts.comms_lost_since(self._line)
        self._task = spawn(self._watch(), f"watch of {self._line}")

    async def stop(self) -> None:
        await cancel(self._task)
        await self._board.show_line(self._line, STANDBY, self._clock())

    async def _watch(self) -> None:
        backoff = Backoff(0.2, 5.0)
        while True:
            try:
                view = self._plc.view
                await self._look(view)
                await self._plc.changed(self._LOOK_S if view.link_up else self._alarm_after_s / 4, view)
                backoff.reset()
            except Unavailable as error:
                log.debug("%s is looked at again in %.1f s: %s", self._line, backoff.next_s, error)
                await backoff.wait()

    async def _look(self, view: PlcView) -> None:
        now = self._clock()
        if self._shown is None or (*_said(view), view.detail) != (*_said(self._shown), self._shown.detail):
            await self._board.show_line(self._line, view, now)
            self._shown = view
        if self._told is None or _said(view) != _said(self._told):
            await self._facts.line_changed(self._line, view, now)
            self._told = view
        await self._mind_the_link(view, now)
        if view.state in PAUSED:
            self._last_paused_at = now
        if view.state == EXECUTE:
            for episode in await self._episodes.ended_by_running(self._line, self._last_paused_at):
                await self._facts.resumed(episode, now)
                await self._board.show_running(self._line, now)

    async def _mind_the_link(self, view: PlcView, now: float) -> None:
        """An alarm for a link that stays away, not for one that is just coming up; once each way."""
        if view.link_up:
            self._down_since = NEVER
            if self._alarm_since is not None:
                await self._facts.comms_alarm(self._line, self._alarm_since, "", now, active=False)
                self._alarm_since = None
            return
        self._down_since = now if self._down_since == NEVER else self._down_since
        if self._alarm_since is None and now - self._down_since >= self._alarm_after_s:
            await self._facts.comms_alarm(self._line, self._down_since, view.detail, now, active=True)
            self._alarm_since = self._down_since


def _said(view: PlcView) -> tuple[bool, int, bool]:
    return view.link_up, view.state, view.remote_pause_enabled
