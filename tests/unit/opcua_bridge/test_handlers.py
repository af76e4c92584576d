import asyncio
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.chassis import telemetry
from services.opcua_bridge.domain.episodes import Episode
from services.opcua_bridge.domain.handshake import ACCEPTED, Limits, State
from services.opcua_bridge.domain.line import (
    EXECUTE,
    HELD,
    HOLDING,
    NO_LINK,
    LineName,
    PauseRequest,
    PlcView,
    StationName,
)
from services.opcua_bridge.domain.numbering import Claim
from services.opcua_bridge.handlers import PauseLine, WatchLine
from services.opcua_bridge.ports import Command, PlcUnreachableError

LINE = LineName("lyon", "smt1")
STATION = StationName(LINE, "aoi1")
CLAIM = Claim(3, 0)
UP = PlcView(link_up=True, state=EXECUTE, remote_pause_enabled=True, claim=CLAIM)
ID = CLAIM.command(42)
REQUEST = PauseRequest("r1", "e1", STATION, "5 times spur", 1, 5, expires_at_s=5.0, sequence=42, asked_by=STATION)
LIMITS = Limits(ack_timeout_s=1.0, state_timeout_s=10.0, retry_delay_s=0.25)


class World:
    """A PLC that answers after so many failed writes, a clock that moves when somebody waits, and all that is said."""

    def __init__(self, failures: int = 0) -> None:
        self.view, self.now, self.failures = UP, 0.0, failures
        self.commands: list[Command] = []
        self.told: list = []
        self.open: list[Episode] = []
        self.progress: list = []
        self.before: list = []
        self.over, self.asked, self.lost_since = "", False, None
        self.moved = asyncio.Event()

    async def hold(self, command: Command) -> None:
        self.commands.append(command)
        if len(self.commands) <= self.failures:
            raise PlcUnreachableError("no answer")
        self.view = replace(self.view, ack_id=command.id, ack_code=ACCEPTED, state=HOLDING)

    async def changed(self, timeout_s: float, since: PlcView) -> None:
        await asyncio.sleep(0)
        self.now += min(timeout_s, 0.1)
        if self.view.state == HOLDING:
            self.view = replace(self.view, state=HELD)

    async def let_go(self) -> None:
        self.commands.append("let go")

    def overtaken(self, request) -> str:
        return self.over

    async def asked_before(self, request) -> bool:
        return self.asked

    async def progressed(self, request, progress) -> None:
        self.before.append(len(self.commands))
        self.progress.append(progress.state)

    async def comms_lost_since(self, line):
        return self.lost_since

    async def comms_alarm(self, line, since, detail, at, *, active) -> None:
        self.told.append(("alarm" if active else "over", since, detail))

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

    show_line = show_pause = show_running = show_verdict = show_silent = _shown


def pause_line(world: World, *, once: bool = False) -> PauseLine:
    return PauseLine(world, world, world, world, replace(LIMITS, once=once), lambda: world.now)


async def test_a_request_is_written_until_it_arrives_always_under_the_id_of_its_stream_position():
    world = World(failures=2)
    await pause_line(world).on_pause_requested(REQUEST, redelivered=False)
    *written, last = world.commands
    assert [command.id for command in written] == [ID] * 3
    assert [command.ttl_s for command in written] == pytest.approx([5.0, 4.75, 4.5])
    assert last == "let go"
    assert world.told == [("r1", State.CONFIRMED)]


async def test_each_transition_is_told_once_in_order_however_often_it_was_written():
    world = World(failures=2)
    await pause_line(world).on_pause_requested(REQUEST, redelivered=False)
    assert world.progress == [State.SENT, State.ACKED, State.CONFIRMED]


async def test_a_plc_without_numbers_is_asked_only_after_the_broker_has_stored_that_it_will_be():
    world = World()
    await pause_line(world, once=True).on_pause_requested(REQUEST, redelivered=False)
    assert (world.progress[0], world.before[0]) == (State.SENT, 0)


async def test_a_plc_without_numbers_is_not_asked_again_by_the_bridge_that_takes_over():
    world = World()
    world.asked = True
    await pause_line(world, once=True).on_pause_requested(REQUEST, redelivered=True)
    assert set(world.commands) == {"let go"}
    assert world.told == [("r1", State.ACK_TIMEOUT)]


async def test_an_overtaken_request_moves_nothing_and_gets_its_receipt():
    world = World()
    world.over = "superseded: the line has been resumed since"
    await pause_line(world).on_pause_requested(REQUEST, redelivered=False)
    assert world.commands == ["let go"]
    assert (world.told, world.progress) == ([("r1", State.EXPIRED)], [State.EXPIRED])


async def test_the_trace_of_a_pause_shows_every_transition_up_to_the_end(monkeypatch):
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("test"))
    await pause_line(World()).on_pause_requested(REQUEST, redelivered=False)
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert list(spans) == ["bridge plc write", "plc acknowledge", "plc held", "plc handshake"]
    assert len({span.context.trace_id for span in spans.values()}) == 1
    assert {span.attributes["command_id"] for span in spans.values()} == {ID}
    told = [event.name for name in ("plc acknowledge", "plc held") for event in spans[name].events]
    assert told == ["sent", "acked", "confirmed"]


def watch_line(world: World) -> WatchLine:
    return WatchLine(LINE, world, world, world, world, 3.0, lambda: world.now)


async def test_a_watched_line_tells_each_state_once_and_a_resumption_after_a_pause():
    world = World()
    watch = watch_line(world)
    world.open.append(Episode(STATION, "e1"))
    for view in (NO_LINK, UP, UP, replace(UP, heartbeat=9), replace(UP, state=HELD), UP, UP):
        await watch._look(view)
    assert world.told == [(False, 0), (True, EXECUTE), (True, HELD), (True, EXECUTE), "e1"]


async def test_a_lost_link_is_an_alarm_once_when_it_stays_away_and_its_return_is_told_once():
    world = World()
    watch = watch_line(world)
    down = replace(NO_LINK, detail="the PLC refused the user 'bridge'")
    for now, view in enumerate((UP, down, down, UP, down, down, down, down, down, UP, UP)):
        world.now = float(now)
        await watch._look(view)
    alarms = [told for told in world.told if told[0] in ("alarm", "over")]
    assert alarms == [("alarm", 4.0, "the PLC refused the user 'bridge'"), ("over", 4.0, "")]


async def test_an_alarm_of_an_earlier_life_is_ended_by_the_next():
    world = World()
    world.lost_since, world.view = 1.0, NO_LINK
    watch = watch_line(world)
    await watch.start()
    try:
        async with asyncio.timeout(5):
            while not world.told:  # noqa: ASYNC110  # the watch looks by itself
                await asyncio.sleep(0)
            world.view = UP
            while ("over", 1.0, "") not in world.told:  # noqa: ASYNC110
                await asyncio.sleep(0)
    finally:
        await watch.stop()
    assert not [told for told in world.told if told[0] == "alarm"]
