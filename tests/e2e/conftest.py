"""The whole embedded plant, once for all end-to-end tests, and a line to play boards on."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from services.chassis import rpc
from services.chassis.auth import TokenSource
from services.chassis.bus import Bus
from services.contracts import plant as plants
from services.contracts.scopes import INSPECTION_SUBMIT, PRODUCT_WRITE, RESULT_READ
from tools.demo import script, witness
from tools.demo.boards import Generated, Photographed, Source
from tools.demo.play import Player, Record
from tools.plant import control
from tools.plant.state import PlantState
from tools.simulators.camera import Camera
from tools.simulators.line_operator import LineOperator

DEMO = Path(__file__).resolve().parents[2] / "deploy/plants/demo.yaml"
_lots = itertools.count(1)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("plant")
    control.ensure_up(root, DEMO)
    yield root
    control.bring_down(root)


@pytest.fixture
def state(root: Path) -> PlantState:
    """The plant as it stands now; brought back when the test before killed its supervisor."""
    return control.ensure_up(root, DEMO)


@pytest.fixture(scope="session")
def source(request: pytest.FixtureRequest) -> Source:
    images = request.config.getoption("--images")
    return Photographed(images, request.config.getoption("--split"), 1) if images else Generated(1)


@dataclass
class Line:
    """One line with its camera, its operator and witnesses of what happened."""

    state: PlantState
    operator: LineOperator
    source: Source
    bus: Bus
    channel: Any
    token: TokenSource
    place: plants.Place

    async def register(self) -> None:
        token = TokenSource(self.state.url("issuer"), "demo", self.state.secret("demo.client-secret"), (PRODUCT_WRITE,))
        async with httpx.AsyncClient(base_url=self.state.url("gateway"), timeout=10) as http:
            for product, image in self.source.goldens().items():
                headers = {"Authorization": await token.authorization()}
                url = f"/v1/products/{product}/golden"
                (await http.put(url, files={"image": image}, headers=headers)).raise_for_status()
        await token.close()

    async def play(self, play: script.Script, rate: float, seen=lambda _: None) -> tuple[str, Record]:
        lot_id = f"lot-{os.getpid()}-{next(_lots)}-{time.time_ns() % 1_000_000}"
        camera = Camera(self.channel, self.token, self.place, lot_id)
        return lot_id, await Player(camera, self.operator, rate, seen).play(play)

    async def hear(self, lot_id: str) -> witness.Heard:
        return await witness.hear(self.bus, lot_id, deadline_s=40)

    async def orders(self, keys: set[str]) -> list[dict[str, Any]]:
        token = self.state.secret("mes.people-token")
        return await witness.orders_in_the_mes(self.state.url("mes"), token, keys, deadline_s=40)

    def executed(self) -> int:
        """How many holds the PLC itself has counted, in memory that survives its death."""
        return int(json.loads((self.state.root / "plc-lyon-smt1.json").read_text())["executed"])


@pytest.fixture
async def line(state: PlantState, source: Source) -> AsyncIterator[Line]:
    plant = plants.load(state.plant_file)
    place, line, station = next(plant.stations())
    secret = state.secret(f"{station.camera_client}.client-secret")
    token = TokenSource(state.url("issuer"), station.camera_client, secret, (INSPECTION_SUBMIT,))
    channel = rpc.channel(f"127.0.0.1:{state.ports['preprocessing-grpc']}", max_message_bytes=16 << 20)
    password = state.secret("plc-operator.password")
    operator = LineOperator(line.plc, state.root / "pki" / "operator", "operator", password)
    bus = Bus(state.url("nats"), "admin", state.secret("admin.nats-password"))
    await bus.start()
    await operator.start()
    await operator.resume(deadline_s=60)  # the test before may have failed on a held line
    yield Line(state, operator, source, bus, channel, token, place)
    await operator.stop()
    await bus.stop()
    await channel.close()
    await token.close()


@pytest.fixture
async def http(state: PlantState) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway as somebody who may read results and register products."""
    secret = state.secret("demo.client-secret")
    token = TokenSource(state.url("issuer"), "demo", secret, (RESULT_READ, PRODUCT_WRITE))
    headers = {"Authorization": await token.authorization()}
    async with httpx.AsyncClient(base_url=state.url("gateway"), headers=headers, timeout=10) as client:
        yield client
    await token.close()


@pytest.fixture
def mint(state: PlantState):
    """Signs tokens with the issuer's own key: what a thief of time, or another application, would bring."""
    key = RSAKey.import_key(json.loads(state.secret("issuer-key.json")))

    def make(**changed: Any) -> str:
        claims = {
            "iss": state.url("issuer"),
            "aud": "urn:jidoka:mesh",
            "azp": "camera-smt1-aoi1",
            "sub": "camera-smt1-aoi1",
            "scope": INSPECTION_SUBMIT,
            "exp": int(time.time()) + 300,
        }
        return jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": key.kid}, claims | changed, key)

    return make


def kill(state: PlantState, part: str) -> int:
    """SIGKILL a part; returns the pid that died."""
    now = control.read_state(state.root)
    assert now is not None
    pid = now.parts[part].pid
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return pid


async def eventually(ask, good, deadline_s: float = 30) -> Any:
    """Ask until the answer is good. Raises TimeoutError."""
    async with asyncio.timeout(deadline_s):
        while not good(answer := await ask()):  # noqa: ASYNC110  # the state is in another process
            await asyncio.sleep(0.05)
        return answer


async def until(holds, deadline_s: float = 40) -> None:
    """Wait for a state of another process. Raises TimeoutError."""
    await eventually(lambda: asyncio.to_thread(holds), bool, deadline_s)
