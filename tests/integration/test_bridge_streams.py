"""A living bridge, and a broker that loses what it keeps: that is said once, and the next stop is executed (B3, R3)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from jidoka.line.v1 import line_pb2
from line_talk import ask, said
from plant_floor import PLACE, Floor, Panel, at_the_panel, make_settings
from servers import until

from services.chassis.bus import Bus
from services.chassis.run import Service
from services.contracts.subjects import LEASES, LINE, PAUSE_SETTLED
from services.opcua_bridge.app import build
from tools.plant.provision import provision

EVER_S = 100.0


@pytest.fixture
async def panel(floor: Floor) -> AsyncIterator[Panel]:
    async with at_the_panel(floor) as panel:
        if not await panel.read("Line.Running"):
            await panel.resume()
        yield panel


@contextlib.asynccontextmanager
async def living(service: Service) -> AsyncIterator[Callable[[], list[str]]]:
    """The service at work, starting in the background; gives what it is not ready for."""

    async def start() -> None:
        for component in service.components:
            stack.push_async_callback(component.stop)
            await component.start()

    async with contextlib.AsyncExitStack() as stack:
        starting = asyncio.create_task(start())
        try:
            yield lambda: [name for name, holds in service.ready.items() if not holds()]
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)


async def stopped(bus: Bus, panel: Panel, request: str, receipts: int) -> None:
    """A request is carried out at the machine, and its receipt says so; then the line runs again."""
    executed = await panel.read("VisIf.Executed")
    await ask(bus, request, ttl_s=60, rule="run")
    receipt = (await said(bus, PAUSE_SETTLED, PLACE, receipts, deadline_s=EVER_S))[-1]
    assert (receipt.request_id, receipt.outcome) == (request, line_pb2.PAUSE_OUTCOME_CONFIRMED), receipt.detail
    assert receipt.attempts >= 1, "believed without a write"
    assert await panel.read("VisIf.Executed") == executed + 1
    await panel.resume()


async def test_a_lost_stream_is_missed_once_and_the_first_stop_of_the_new_one_is_executed(
    floor: Floor, bus: Bus, nats_server, panel: Panel, tmp_path: Path, caplog
):
    service = build(make_settings(floor, nats_server.url, tmp_path, floor.port))
    async with living(service) as missing:
        await until(lambda: not missing(), EVER_S)
        for number in (1, 2):
            await stopped(bus, panel, f"r{number}", number)
        await bus.jetstream.delete_stream(LINE.name)
        await until(lambda: {"episodes", "plcs"} <= set(missing()), EVER_S)
        await until(lambda: caplog.text.count("opcua-bridge-lyon-smt1 reads LINE: not possible") == 1, EVER_S)
        await provision(bus)
        await until(lambda: not missing(), EVER_S)
        await stopped(bus, panel, "r3", 3)
        # And once more, faster than anybody can miss it.
        await bus.jetstream.delete_stream(LINE.name)
        await provision(bus)
        await stopped(bus, panel, "r4", 4)


async def test_a_bridge_waits_for_streams_and_buckets_that_are_made_later(
    floor: Floor, bus: Bus, nats_server, panel: Panel, tmp_path: Path, caplog
):
    for name in ("STATION", "LINE", "AUDIT", f"KV_{LEASES}"):
        await bus.jetstream.delete_stream(name)
    service = build(make_settings(floor, nats_server.url, tmp_path, floor.port))
    async with living(service) as missing:
        await until(lambda: "the stream LINE is not there; the provisioning" in caplog.text, EVER_S)
        assert "plcs" in missing()
        await provision(bus)
        await until(lambda: not missing(), EVER_S)
        await stopped(bus, panel, "r1", 1)
