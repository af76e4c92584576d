"""One line of the plant under test: plays boards on it, and asks everybody what happened."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import time
from dataclasses import dataclass
from typing import Any

import httpx

from services.chassis.auth import TokenSource
from services.chassis.bus import Bus
from services.contracts import plant as plants
from services.contracts.scopes import PRODUCT_WRITE
from tools.demo import script, witness
from tools.demo.boards import Source
from tools.demo.play import Player, Record
from tools.plant import control
from tools.plant.state import PlantState
from tools.simulators.camera import Camera
from tools.simulators.line_operator import LineOperator

_lots = itertools.count(1)


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


def kill(state: PlantState, part: str) -> int:
    """SIGKILL a part; returns the pid that died."""
    now = control.read_state(state.root)
    assert now is not None
    pid = now.parts[part].pid
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return pid


async def eventually(ask, good, deadline_s: float = 30) -> Any:
    """Ask until the answer is good. Raises AssertionError with the last answer."""
    deadline = time.monotonic() + deadline_s
    while not good(answer := await ask()):
        assert time.monotonic() < deadline, f"still {answer!r} after {deadline_s} s"
        await asyncio.sleep(0.05)
    return answer


async def until(holds, deadline_s: float = 40) -> None:
    """Wait for a state of another process. Raises AssertionError."""
    await eventually(lambda: asyncio.to_thread(holds), bool, deadline_s)
