import asyncio
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.chassis import telemetry
from services.opcua_bridge.domain.handshake import ACCEPTED, Limits, State, command_id
from services.opcua_bridge.domain.line import (
    EXECUTE,
    HELD,
    HOLDING,
    NO_LINK,
    Episode,
    LineName,
    PauseRequest,
    PlcView,
    StationName,
)
from services.opcua_bridge.handlers import PauseLine, WatchLine
from services.opcua_bridge.ports import Command, PlcUnreachableError

LINE = LineName("lyon", "smt1")
STATION = StationName(LINE, "aoi1")
UP = PlcView(link_up=True, state=EXECUTE, remote_pause_enabled=True)
REQUEST = PauseRequest("r1", "e1", STATION, "5 times spur", 1, 5, expires_at=5.0)
LIMITS = Limits(ack_timeout_s=1.0, state_timeout_s=10.0, retry_delay_s=0.25)


class World:
    """A PLC that answers after so many failed writes, a clock that moves when somebody waits, and all that is said."""

    def __init__(self, failures: int = 0) -> None:
        self.view, self.now, self.failures = UP, 0.0, failures
        self.commands: list[Command] = []
        self.told: list = []
        self.open: list[Episode] = []
        self.moved = asyncio.Event()

    async def hold(self, command: Command) -> None:
        self.commands.append(command)
        if len(self.commands) <= self.failures:
            raise PlcUnreachableError("no answer")
        self.view = replace(self.view, ack_id=command.id, ack_code=ACCEPTED, state=HOLDING)

    async def changed(self, timeout_s: float) -> None:
        self.now += min(timeout_s, 0.1)
        if self.view.state == HOLDING:
            self.view = replace(self.view, state=HELD)

    async def settled(self, request, end, at) -> None:
        self.told.append((request.request_id, end.state))

    async def line_changed(self, line, view, at) -> None:
        self.told.append((view.link_up, view.state))

    async def resumed(self, episode, at) -> None:
        self.told.append(episode.episode_id)
        self.open.remove(episode)

    async def ended_by_running(self, line, last_paused_at) -> list[Episode]:
        return list(self.open) if last_paused_at == self.now else []

    async def _shown(self, *_: object) -> None:
        self.moved.set()

    show_line = show_pause = show_running = show_verdict = _shown


def pause_line(world: World) -> PauseLine:
    return PauseLine(world, world, world, LIMITS, 3, lambda: world.now)


async def test_a_request_is_written_until_it_arrives_always_under_the_id_of_its_stream_position():
    world = World(failures=2)
    await pause_line(world).on_pause_requested(REQUEST, 42, redelivered=False)
    assert [command.id for command in world.commands] == [command_id(3, 42)] * 3
    assert [command.ttl_s for command in world.commands] == pytest.approx([5.0, 4.75, 4.5])
    assert world.told == [("r1", State.CONFIRMED)]


async def test_the_trace_of_a_pause_ends_at_the_plcs_acknowledgement(monkeypatch):
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("test"))
    await pause_line(World()).on_pause_requested(REQUEST, 42, redelivered=False)
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert list(spans) == ["bridge plc write", "plc acknowledge", "plc held", "plc handshake"]
    assert len({span.context.trace_id for span in spans.values()}) == 1
    for span in spans.values():
        assert span.attributes == {"line": "lyon/smt1", "command_id": command_id(3, 42)}


async def test_a_watched_line_tells_each_state_once_and_a_resumption_after_a_pause():
    world = World()
    watch = WatchLine(LINE, world, world, world, world, lambda: world.now)
    world.open.append(Episode(STATION, "e1"))
    for view in (NO_LINK, UP, UP, replace(UP, heartbeat=9), replace(UP, state=HELD), UP, UP):
        await watch._look(view)
    assert world.told == [(False, 0), (True, EXECUTE), (True, HELD), (True, EXECUTE), "e1"]
