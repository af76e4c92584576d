"""How each fault of an ordeal is struck and healed: signals, wires, and what an admin or a tester can do to a store."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from nats.js.errors import NotFoundError
from redis.asyncio import Redis

from services.contracts import plant as plants
from services.contracts.subjects import LINE, STATION
from tools.chaos.fitting import ends
from tools.chaos.plant_camera import PlantCamera
from tools.chaos.plant_floor import PlantFloor
from tools.chaos.plant_force import fill, patiently, send
from tools.chaos.plant_plan import CLOCK_S, LINE_STREAM, Fault, Kind
from tools.chaos.plant_witness import Witness, people
from tools.plant.provision import provision

_BURST_S, _ASLEEP = 0.5, 0.7
_BAD_MES = {"fail_rate": 0.4, "lose_reply_rate": 0.3, "fail_after_commit_rate": 0.2}


@dataclass(frozen=True)
class Striker:
    """Breaks what the plan names."""

    floor: PlantFloor
    witness: Witness
    cameras: Sequence[PlantCamera]

    @contextlib.asynccontextmanager
    async def strike(self, fault: Fault) -> AsyncIterator[None]:
        """The fault is there while this is entered."""
        ways: dict[Kind, Callable[[Fault], contextlib.AbstractAsyncContextManager[None]]] = {
            Kind.KILL: self._signalled,
            Kind.RESTART: self._signalled,
            Kind.HANG: self._signalled,
            Kind.FREEZE: self._frozen,
            Kind.CUT: self._cut,
            Kind.FULL: self._full,
            Kind.FLUSH: self._flushed,
            Kind.ANEW: self._anew,
            Kind.AHEAD: self._wrong_clock,
            Kind.BEHIND: self._wrong_clock,
            Kind.SLOW: self._slow,
            Kind.FAILING: self._failing,
            Kind.PEACE: self._peace,
        }
        async with ways[fault.kind](fault):
            yield

    @contextlib.asynccontextmanager
    async def _peace(self, _: Fault) -> AsyncIterator[None]:
        yield

    @contextlib.asynccontextmanager
    async def _signalled(self, fault: Fault) -> AsyncIterator[None]:
        signals = {Kind.KILL: signal.SIGKILL, Kind.RESTART: signal.SIGTERM, Kind.HANG: signal.SIGSTOP}
        send(self.floor.pid(fault.part), signals[fault.kind])
        yield

    @contextlib.asynccontextmanager
    async def _frozen(self, fault: Fault) -> AsyncIterator[None]:
        pid = self.floor.pid(fault.part)
        send(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            send(pid, signal.SIGCONT)

    @contextlib.asynccontextmanager
    async def _cut(self, fault: Fault) -> AsyncIterator[None]:
        wires = [wire for link, wire in self.floor.wires.items() if fault.part in ends(link)]
        for wire in wires:
            wire.refuses = fault.loud
            wire.cut() if fault.loud else wire.open.clear()
        try:
            yield
        finally:
            for wire in wires:
                wire.cut()
                wire.refuses = False
                wire.open.set()

    @contextlib.asynccontextmanager
    async def _full(self, _: Fault) -> AsyncIterator[None]:
        assert self.floor.disk is not None, "the plan leaves it out"
        ballast = self.floor.disk / "ballast"
        await asyncio.to_thread(fill, ballast)
        try:
            yield
        finally:
            ballast.unlink(missing_ok=True)

    @contextlib.asynccontextmanager
    async def _flushed(self, _: Fault) -> AsyncIterator[None]:
        state = self.floor.state
        redis = Redis.from_url(state.url("redis"), password=state.secret("redis.password"))
        with contextlib.suppress(OSError, TimeoutError):
            await redis.flushall()
        await redis.aclose()
        yield

    @contextlib.asynccontextmanager
    async def _anew(self, fault: Fault) -> AsyncIterator[None]:
        """As an admin does it who has lost patience; sealed first, so that our own ledger is whole."""
        name = (LINE if fault.part == LINE_STREAM else STATION).name
        evidence = plants.load(self.floor.state.plant_file).evidence
        try:
            await patiently(lambda: self._seal(name))
            await patiently(self.witness.look)
            await patiently(lambda: self._delete(name))
            yield
        finally:
            await patiently(lambda: provision(self.floor.bus, evidence))

    async def _seal(self, name: str) -> None:
        """From here on it takes nothing; again, when the answer was lost."""
        config = (await self.floor.bus.jetstream.stream_info(name)).config
        if not config.sealed:
            config.sealed = True
            await self.floor.bus.jetstream.update_stream(config)

    async def _delete(self, name: str) -> None:
        with contextlib.suppress(NotFoundError):  # the answer was lost
            await self.floor.bus.jetstream.delete_stream(name)

    @contextlib.asynccontextmanager
    async def _wrong_clock(self, fault: Fault) -> AsyncIterator[None]:
        for camera in self.cameras:
            camera.clock_off_s = CLOCK_S if fault.kind is Kind.AHEAD else -CLOCK_S
        try:
            yield
        finally:
            for camera in self.cameras:
                camera.clock_off_s = 0.0

    @contextlib.asynccontextmanager
    async def _slow(self, fault: Fault) -> AsyncIterator[None]:
        dragging = asyncio.create_task(self._drag(fault.part))
        try:
            yield
        finally:
            dragging.cancel()
            await asyncio.wait({dragging})
            send(self.floor.pid(fault.part), signal.SIGCONT)

    async def _drag(self, part: str) -> None:
        while True:
            pid = self.floor.pid(part)
            send(pid, signal.SIGSTOP)
            await asyncio.sleep(_BURST_S * _ASLEEP)
            send(pid, signal.SIGCONT)
            await asyncio.sleep(_BURST_S * (1 - _ASLEEP))

    @contextlib.asynccontextmanager
    async def _failing(self, _: Fault) -> AsyncIterator[None]:
        await self._behave(_BAD_MES)
        try:
            yield
        finally:
            await self._behave({})

    async def _behave(self, how: dict[str, float]) -> None:
        async with people(self.floor) as mes:
            await patiently(lambda: mes.post("/behaviour", json=how))
