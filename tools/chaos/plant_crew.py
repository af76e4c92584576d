"""Who is there during an ordeal: cameras at every station, somebody who resumes, a quality engineer's tool."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Mapping

import httpx

from services.chassis import rpc
from services.chassis.auth import TokenSource
from services.contracts import plant as plants
from services.contracts.scopes import INSPECTION_SUBMIT, PRODUCT_WRITE, RESULT_READ
from tools.boards.board import LABELS
from tools.chaos.fitting import CAMERA
from tools.chaos.plant_book import Book
from tools.chaos.plant_camera import Pictures, PlantCamera
from tools.chaos.plant_floor import PlantFloor
from tools.demo.boards import Generated
from tools.simulators.line_operator import HELD, LineOperator

_PERSON_S, _PATIENCE_S = 1.5, 300.0
_GOOD, _BAD = 24, 12
_IMAGE_BYTES = 16 << 20


def pictures(seed: int) -> Pictures:
    """Boards of our own generator; drawing them takes some seconds."""
    source = Generated(seed)
    good = [source.good(number) for number in range(_GOOD)]
    bad = [source.repeated(_GOOD + number) for number in range(_BAD)]
    return Pictures(good, bad, LABELS[seed % len(LABELS)], source.goldens())


@contextlib.asynccontextmanager
async def tool_of(floor: PlantFloor) -> AsyncIterator[httpx.AsyncClient]:
    """A quality engineer's tool at the gateway, whose token is always fresh."""
    state, scopes = floor.state, (PRODUCT_WRITE, RESULT_READ)
    token = TokenSource(floor.issuer, "demo", state.secret("demo.client-secret"), scopes)

    async def sign(request: httpx.Request) -> None:
        request.headers["Authorization"] = await token.authorization()

    hooks = {"request": [sign]}
    async with httpx.AsyncClient(base_url=state.url("gateway"), trust_env=False, timeout=10, event_hooks=hooks) as http:
        yield http
    await token.close()


async def register(floor: PlantFloor, goldens: Mapping[str, bytes]) -> None:
    """Every product's golden template. Raises httpx.HTTPError, Unavailable."""
    async with tool_of(floor) as http:
        for product_id, image in goldens.items():
            answer = await http.put(f"/v1/products/{product_id}/golden", files={"image": image})
            answer.raise_for_status()


@contextlib.asynccontextmanager
async def cameras_at(floor: PlantFloor, seen: Pictures, book: Book, seed: int) -> AsyncIterator[list[PlantCamera]]:
    """One at each station; their parts have the same ids, because both work on the same lot."""
    state, lot_id = floor.state, f"lot-{time.time_ns() // 1_000_000:x}"
    async with contextlib.AsyncExitStack() as stack:
        cameras = []
        for place, _, station in plants.load(state.plant_file).stations():
            secret = state.secret(f"{station.camera_client}.client-secret")
            token = TokenSource(floor.issuer, station.camera_client, secret, (INSPECTION_SUBMIT,))
            stack.push_async_callback(token.close)
            address = f"127.0.0.1:{floor.wires[CAMERA].port}"
            channel = await stack.enter_async_context(rpc.channel(address, max_message_bytes=_IMAGE_BYTES))
            draw = random.Random(f"{seed} {place}")
            cameras.append(PlantCamera(place, lot_id, channel, token, seen, book, draw))
        yield cameras


async def resume_for_ever(operator: LineOperator) -> None:
    """Mend whatever it was, and press Resume, until cancelled."""
    while True:
        with contextlib.suppress(TimeoutError):
            await operator.until(HELD, deadline_s=_PATIENCE_S)
            await asyncio.sleep(_PERSON_S)
            await operator.resume(_PATIENCE_S)


def operator_of(floor: PlantFloor) -> LineOperator:
    """At the machine itself, beside every wire."""
    state = floor.state
    plc = plants.load(state.plant_file).sites[0].lines[0].plc
    return LineOperator(plc, floor.root / "pki" / "operator", "operator", state.secret("plc-operator.password"))
