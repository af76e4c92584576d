"""A broker for each test that wants one: real, on a free port, with all streams and buckets."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from servers import NatsServer

from services.chassis.bus import Bus
from tools.plant.provision import provision


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "jetstream")
    yield server
    server.kill()


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[Bus]:
    """A bus with all rights, all streams and buckets provisioned."""
    bus = Bus(nats_server.url, "test", "")
    await bus.start()
    await provision(bus)
    yield bus
    await asyncio.wait_for(bus.stop(), 5)
