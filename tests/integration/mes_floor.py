"""An MES for tests that can be killed and told to fail, connectors as coroutine or process, and what they say."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import httpx
import yaml
from jidoka.frame.v1.frame_pb2 import StationPath
from jidoka.workrequest.v1 import workrequest_pb2 as wire
from nats.js.errors import NotFoundError
from servers import NatsServer

from services.chassis.bus import Bus
from services.chassis.streams import Delivery, Follower, Route
from services.contracts.plant import Place
from services.contracts.subjects import (
    LEASES,
    STATION,
    WORK_CANCELLED,
    WORK_COMPLETED,
    WORK_DEAD_LETTERED,
    WORK_OPENED,
    WORK_REQUESTED,
    WORKREQUEST,
)
from services.mes_connector.app import build
from services.mes_connector.settings import Settings
from tools.plant import leash
from tools.plant.facts import stored
from tools.ports import free_port

ROOT = Path(__file__).parents[2]
PLACE = Place("lyon", "smt1", "aoi1")
EQUIPMENT = "jidoka/lyon/electronics/smt1"
SECRET, TOKEN = "machine-secret", "people-token"
PATIENT = 60


class Sandbox:
    """The MES sandbox: may be killed and started again on the same port with the same orders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/workrequests"
        (folder / "secret").write_text(SECRET + "\n")
        (folder / "token").write_text(TOKEN + "\n")
        self.people = httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=5)
        self.start()

    def start(self) -> None:
        options = ["--port", str(self.port), "--database", "orders.sqlite"]
        options += [word for known in (EQUIPMENT, f"{EQUIPMENT}/aoi1") for word in ("--known-equipment", known)]
        files = ["--secret-file", "secret", "--token-file", "token", "--seed", "7"]
        self.process = leash.popen(
            [sys.executable, "-m", "tools.simulators.mes", *options, *files],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "READY\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def behave(self, **behaviour) -> None:
        self.people.post(self.url.replace("workrequests", "behaviour"), json=behaviour).raise_for_status()

    def orders(self) -> list[dict]:
        return self.people.get(self.url).raise_for_status().json()

    def order(self, key: str) -> dict:
        return next(order for order in self.orders() if order["external_reference"] == key)

    def change(self, key: str, what: str) -> None:
        """What people do: start, complete, cancel."""
        self.people.post(f"{self.url}/{self.order(key)['id']}/{what}").raise_for_status()

    def delete(self, key: str) -> None:
        self.people.delete(f"{self.url}/{self.order(key)['id']}").raise_for_status()

    def comments(self, key: str) -> list[dict]:
        return self.people.get(f"{self.url}/{self.order(key)['id']}/comments").raise_for_status().json()

    def references(self) -> list[str]:
        return sorted(order["external_reference"] for order in self.orders())


def settings_of(folder: Path, nats: NatsServer, sandbox: Sandbox) -> dict[str, str]:
    """Small waits; as strings, because a connector in its own process gets them through the environment."""
    demo = (ROOT / "deploy/plants/demo.yaml").read_text()
    (folder / "plant.yaml").write_text(demo.replace("http://127.0.0.1:8080/workrequests", sandbox.url))
    return {
        "plant_file": str(folder / "plant.yaml"),
        "nats_url": nats.url,
        "nats_password_file": str(folder / "secret"),
        "mes_secret_file": str(folder / "secret"),
        "mes_deadline_s": "0.25",
        "mes_pace_s": "0",
        "poll_every_s": "0.1",
        "database_url": f"sqlite:///{folder}/outbox.sqlite",
        "after_timeout_s": "0.2",
        "retry_base_s": "0.05",
        "retry_cap_s": "0.4",
        "breaker_base_s": "0.05",
        "breaker_cap_s": "0.2",
    }


def live_settings_of(folder: Path, nats_url: str, plant: Mapping[str, object], secret: str) -> dict[str, str]:
    """For a system that is no stand-in: it may take its time."""
    (folder / "plant.yaml").write_text(yaml.safe_dump(plant))
    (folder / "secret").write_text(secret + "\n")
    return {
        "plant_file": str(folder / "plant.yaml"),
        "nats_url": nats_url,
        "nats_password_file": str(folder / "secret"),
        "mes_secret_file": str(folder / "secret"),
        "mes_deadline_s": "30",
        "mes_pace_s": "0",
        "poll_every_s": "0.5",
        "database_url": f"sqlite:///{folder}/outbox.sqlite",
        "after_timeout_s": "1",
        "retry_base_s": "0.1",
    }


@contextlib.asynccontextmanager
async def connector(settings: dict[str, str], **changed: str) -> AsyncIterator[None]:
    service = build(Settings(**{**settings, **changed}))
    for component in service.components:
        await component.start()
    try:
        yield
    finally:
        for component in reversed(service.components):
            await component.stop()


@contextlib.contextmanager
def connector_process(settings: dict[str, str]) -> Iterator[subprocess.Popen]:
    environment = {f"JIDOKA_MES_CONNECTOR_{name.upper()}": value for name, value in settings.items()}
    process = leash.popen([sys.executable, "-m", "services.mes_connector"], cwd=ROOT, env={**os.environ, **environment})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Heard:
    """What the connector said on the broker."""

    def __init__(self, bus: Bus) -> None:
        self.opened: list[wire.WorkRequestOpened] = []
        self.dead: list[wire.WorkRequestDeadLettered] = []
        self.cancelled: list[wire.WorkRequestCancelled] = []
        self._position = 0
        routes = [
            Route(WORK_OPENED.everywhere, wire.WorkRequestOpened, self._keep(self.opened)),
            Route(WORK_DEAD_LETTERED.everywhere, wire.WorkRequestDeadLettered, self._keep(self.dead)),
            Route(WORK_CANCELLED.everywhere, wire.WorkRequestCancelled, self._keep(self.cancelled)),
        ]
        self.follower = Follower(bus, WORKREQUEST.name, routes, lambda: self._position)

    def _keep(self, kept: list):
        async def handler(message, delivery: Delivery) -> None:
            kept.append(message)
            self._position = delivery.sequence

        return handler


async def completions(bus: Bus) -> list[wire.WorkRequestCompleted]:
    """Everything in the stream that says an order is done."""
    said = [fact async for fact in stored(bus, STATION, [WORK_COMPLETED.everywhere])]
    return [wire.WorkRequestCompleted.FromString(fact.data) for fact in said]


async def ask(bus: Bus, key: str, msg_id: str = "", equipment: str = EQUIPMENT, trace: str = "") -> None:
    request = wire.WorkRequested(
        key=key,
        episode_id=f"episode-of-{key}",
        kind=wire.WORK_REQUEST_KIND_MAINTENANCE,
        title="open tracks, 5 in a row",
        priority=2,
        equipment_id=equipment,
        station=StationPath(site=PLACE.site, line=PLACE.line, station=PLACE.station),
        rule_id="repeated-defect",
    )
    await bus.publish(WORK_REQUESTED.at(PLACE), request, msg_id or key, extra={"traceparent": trace})


async def until_completed(bus: Bus, keys: list[str], deadline_s: float = 90) -> None:
    """The stream says so, of these and of no other."""
    async with asyncio.timeout(deadline_s):
        while [message.key for message in await completions(bus)] != keys:  # noqa: ASYNC110  # what a stream holds
            await asyncio.sleep(0.05)


def outbox(settings: dict[str, str], column: str = "state", table: str = "work_orders") -> list:
    """One column of the outbox as it is on disk, by key; empty before the connector has made it."""
    with contextlib.closing(sqlite3.connect(settings["database_url"].removeprefix("sqlite:///"))) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
            return []
        return [value for (value,) in connection.execute(f"SELECT {column} FROM {table} ORDER BY key")]


async def holder_of(bus: Bus) -> int:
    """The process that has the duty; 0: none."""
    try:
        entry = await (await bus.jetstream.key_value(LEASES)).get("mes-connector.sandbox")
    except NotFoundError:
        return 0
    return int((entry.value or b":0").decode().rpartition(":")[2])
