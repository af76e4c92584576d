"""The use cases: hold a line when a rule asks for it, notice that an operator let it run again, show verdicts."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.trace import SpanKind, Status, StatusCode

from services.chassis import telemetry
from services.chassis.errors import Unavailable
from services.chassis.run import cancel, spawn
from services.opcua_bridge.domain.handshake import ASKING, Handshake, Limits, State, Wait, Write, command_id
from services.opcua_bridge.domain.line import EXECUTE, NEVER, PAUSED, LineName, PauseRequest, PlcView
from services.opcua_bridge.ports import Board, Command, Episodes, Facts, Plc, PlcUnreachableError

log = logging.getLogger("jidoka.opcua_bridge")
Clock = Callable[[], float]


class PauseLine:
    """Carries out the pause requests of one line, one after the other, and answers each with a receipt."""

    def __init__(
        self, plc: Plc, facts: Facts, board: Board, limits: Limits, epoch: int, clock: Clock = time.time
    ) -> None:
        self._plc = plc
        self._facts = facts
        self._board = board
        self._limits = limits
        self._epoch = epoch
        self._clock = clock

    async def on_pause_requested(self, request: PauseRequest, sequence: int, *, redelivered: bool) -> None:
        """Pursue the request to its end and say how it ended. Raises Unavailable when the broker took no receipt."""
        command = command_id(self._epoch, sequence)
        now = self._clock()
        handshake = Handshake(command, request.expires_at, self._limits, redelivered=redelivered, now=now)
        await self._board.show_pause(request, State.SENT.value, now)
        with telemetry.span("plc handshake", line=str(request.station.line), command_id=command) as span:
            await self._drive("plc acknowledge", handshake, request, ASKING)
            await self._drive("plc held", handshake, request, frozenset({State.ACKED}))
            if handshake.state is not State.CONFIRMED:
                span.set_status(Status(StatusCode.ERROR, f"{handshake.state.value}: {handshake.detail}"))
        at = self._clock()
        outcome = {"command_id": command, "attempts": handshake.attempts, "detail": handshake.detail}
        log.warning("pause of %s: %s", request.station.line, handshake.state.value, extra=outcome)
        await self._facts.settled(request, handshake, at)

    async def _drive(self, name: str, handshake: Handshake, request: PauseRequest, phase: frozenset[State]) -> None:
        """Do what the handshake says while it is in this phase; the trace shows how long that took."""
        if handshake.state not in phase:
            return
        attributes: dict[str, Any] = {"line": str(request.station.line), "command_id": handshake.command}
        with telemetry.span(name, SpanKind.CLIENT, **attributes):
            while True:
                todo = handshake.step(self._clock(), self._plc.view)
                if handshake.state not in phase:  # the next phase has its own span, and waits for itself
                    break
                match todo:
                    case Write(ttl_s):
                        with telemetry.span("bridge plc write", SpanKind.CLIENT, **attributes):
                            await self._write(handshake, Command(handshake.command, request.text, ttl_s))
                    case Wait(seconds):
                        await self._plc.changed(seconds)
        await self._board.show_pause(request, handshake.state.value, self._clock())

    async def _write(self, handshake: Handshake, command: Command) -> None:
        handshake.wrote(self._clock())
        try:
            await self._plc.hold(command)
        except PlcUnreachableError as error:
            log.info("write %d of command %d: %s", handshake.attempts, command.id, error)
            handshake.write_failed(self._clock())


class WatchLine:
    """Tells the mesh and SCADA what one line does, and that it runs again after a pause of ours."""

    _LOOK_S = 5.0

    def __init__(
        self, line: LineName, plc: Plc, facts: Facts, board: Board, episodes: Episodes, clock: Clock = time.time
    ) -> None:
        self._line = line
        self._plc = plc
        self._facts = facts
        self._board = board
        self._episodes = episodes
        self._clock = clock
        self._told: PlcView | None = None
        self._last_paused_at = NEVER
        self._task: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        self._task = spawn(self._watch(), f"watch of {self._line}")

    async def stop(self) -> None:
        await cancel(self._task)

    async def _watch(self) -> None:
        pause_s = 0.2
        while True:
            try:
                await self._look(self._plc.view)
                await self._plc.changed(self._LOOK_S)
                pause_s = 0.2
            except Unavailable as error:
                log.debug("%s is looked at again in %.1f s: %s", self._line, pause_s, error)
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))
                pause_s = min(pause_s * 2, 5.0)

    async def _look(self, view: PlcView) -> None:
        now = self._clock()
        if self._told is None or _said(view) != _said(self._told):
            await self._board.show_line(self._line, view, now)
            await self._facts.line_changed(self._line, view, now)
            self._told = view
        if view.state in PAUSED:
            self._last_paused_at = now
        if view.state == EXECUTE:
            for episode in await self._episodes.ended_by_running(self._line, self._last_paused_at):
                await self._facts.resumed(episode, now)
                await self._board.show_running(self._line, now)


def _said(view: PlcView) -> tuple[bool, int, bool]:
    return view.link_up, view.state, view.remote_pause_enabled
