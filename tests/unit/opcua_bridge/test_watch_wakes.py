"""A watched line that moves while it is looked at is looked at again at once, not when the next look is due (B19)."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from services.contracts.plc import Plc
from services.opcua_bridge.adapters.plc import PlcLink, Timing
from services.opcua_bridge.adapters.plc_session import PlcAddress
from services.opcua_bridge.domain.line import EXECUTE, HELD, LineName, PlcView
from services.opcua_bridge.handlers import WatchLine

LINE = LineName("lyon", "smt1")
TIMING = Timing(100, 0.5, 3.0, 1.0, 1.0, 0.1, 5.0, 5, 10.0)
HOLDS = PlcView(link_up=True, state=HELD)
RUNS = replace(HOLDS, state=EXECUTE)


class World:
    """A broker that needs its time, in which the line moves on; SCADA and episodes that want nothing."""

    def __init__(self, link: PlcLink, then: list[PlcView]) -> None:
        self.link, self.then = link, then
        self.told: list[int] = []

    async def line_changed(self, _line: LineName, view: PlcView, _at: float) -> None:
        for after in self.then:
            self.link._see(after)
        self.then = []
        self.told.append(view.state)

    async def comms_lost_since(self, _line: LineName) -> None:
        return None

    async def ended_by_running(self, *_: Any) -> list[Any]:
        return []

    async def show_line(self, *_: Any) -> None:
        pass


def link() -> PlcLink:
    plc = Plc(url="opc.tcp://127.0.0.1:1", namespace="urn:plc", adapter="tag")
    return PlcLink(PlcAddress(LINE, plc.url, plc.namespace, "bridge", "word", Path()), plc, TIMING, lambda: None)


async def test_a_move_during_the_look_is_told_at_once(monkeypatch):
    monkeypatch.setattr(WatchLine, "_LOOK_S", 3_600.0)
    plc = link()
    plc._see(HOLDS)
    world = World(plc, [RUNS])
    watch = WatchLine(LINE, plc, world, world, world, 14_400.0, time.time)
    await watch.start()
    try:
        async with asyncio.timeout(10):
            while world.told != [HELD, EXECUTE]:  # noqa: ASYNC110  # the watch looks by itself
                await asyncio.sleep(0)
    finally:
        await watch.stop()


async def test_whoever_waits_hears_of_each_view_that_came_since_his_even_of_one_that_went_back():
    plc = link()
    plc._see(HOLDS)
    seen = plc.view
    plc._see(RUNS)
    plc._see(replace(HOLDS))
    async with asyncio.timeout(10):
        await plc.changed(3_600.0, seen)
    assert plc.view == seen
