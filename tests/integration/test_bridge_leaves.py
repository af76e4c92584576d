"""R10: a bridge that loses its duty says that it sees the machines no more, unless another one speaks already."""

from jidoka.line.v1 import line_pb2

from services.chassis.bus import Bus
from services.contracts.plant import Place
from services.contracts.subjects import LINE_STATE_CHANGED
from services.opcua_bridge.adapters.facts import BusFacts
from services.opcua_bridge.adapters.last_words import last_said
from services.opcua_bridge.domain.line import EXECUTE, LineName, PlcView

LINE = LineName("lyon", "smt1")
UP = PlcView(link_up=True, state=EXECUTE, remote_pause_enabled=True)


async def link_up(bus: Bus, station: str) -> bool:
    said, _ = await last_said(bus, LINE_STATE_CHANGED, Place("lyon", "smt1", station))
    assert isinstance(said, line_pb2.LineStateChanged)
    return said.link_up


async def test_who_leaves_says_that_the_link_is_down_at_each_station(bus: Bus):
    facts = BusFacts(bus, {LINE: ["aoi1", "aoi2"]})
    await facts.line_changed(LINE, UP, 1.0)
    assert await link_up(bus, "aoi1")
    await facts.left()
    assert not await link_up(bus, "aoi1")
    assert not await link_up(bus, "aoi2")
    before = (await bus.jetstream.stream_info("LINE")).state.last_seq
    await facts.left()
    assert (await bus.jetstream.stream_info("LINE")).state.last_seq == before, "it is said once"


async def test_who_leaves_late_says_nothing_over_the_one_that_has_the_duty_now(bus: Bus):
    leaves, stays = (BusFacts(bus, {LINE: ["aoi1"]}) for _ in range(2))
    await leaves.line_changed(LINE, UP, 1.0)
    await stays.line_changed(LINE, UP, 2.0)
    await leaves.left()
    assert await link_up(bus, "aoi1")
