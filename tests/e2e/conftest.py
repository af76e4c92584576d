"""The whole embedded plant, once for all end-to-end tests, and a line to play boards on."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from plant_line import Line

from services.chassis import rpc
from services.chassis.auth import TokenSource
from services.chassis.bus import Bus
from services.contracts import plant as plants
from services.contracts.scopes import INSPECTION_SUBMIT, PRODUCT_WRITE, RESULT_READ
from tools.demo.boards import Generated, Photographed, Source
from tools.plant import control
from tools.plant.state import PlantState
from tools.simulators.line_operator import LineOperator

DEMO = Path(__file__).resolve().parents[2] / "deploy/plants/demo.yaml"


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("plant")
    control.ensure_up(root, DEMO, leashed=True)
    yield root
    control.bring_down(root)


@pytest.fixture
def state(root: Path) -> PlantState:
    """The plant as it stands now; brought back when the test before killed its supervisor."""
    return control.ensure_up(root, DEMO, leashed=True)


@pytest.fixture(scope="session")
def source(request: pytest.FixtureRequest) -> Source:
    images = request.config.getoption("--images")
    return Photographed(images, request.config.getoption("--split"), 1) if images else Generated(1)


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
