"""A broker for each test that wants one: real, on a free port, with all streams and buckets. And its neighbours."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from mes_floor import Heard, Sandbox
from outbox_floor import PASSWORD, emptied
from plant_floor import Floor
from servers import NatsServer, RedisServer
from sqlalchemy.ext.asyncio import AsyncEngine

from services.chassis.bus import Bus
from services.mes_connector.adapters.database import async_url
from tools.plant.provision import provision
from tools.ports import free_port
from tools.postgres import Postgres


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


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path)
    yield sandbox
    sandbox.kill()
    sandbox.people.close()


@pytest.fixture
async def heard(bus: Bus) -> AsyncIterator[Heard]:
    heard = Heard(bus)
    await heard.follower.start()
    yield heard
    await heard.follower.stop()


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    floor = Floor(tmp_path_factory.mktemp("floor"))
    floor.wait_ready()
    yield floor
    floor.kill()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    server = Postgres("jidoka", PASSWORD, free_port())
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """Of a database in which nothing is."""
    if request.param == "sqlite":
        url = async_url(f"sqlite:///{tmp_path}/outbox.sqlite")
    else:
        url = async_url(request.getfixturevalue("postgres").url, PASSWORD)
    async with emptied(url) as engine:
        yield engine
