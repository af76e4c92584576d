"""The ordeal of a whole plant: cameras make parts, a person resumes, and the plan breaks one part after the other."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.chassis.run import cancel, spawn
from tools.chaos.ledgers import Ledgers
from tools.chaos.oracle import findings
from tools.chaos.plant_book import Book, figures
from tools.chaos.plant_camera import Pictures, PlantCamera
from tools.chaos.plant_crew import cameras_at, operator_of, pictures, register, resume_for_ever
from tools.chaos.plant_disk import on_a_small_disk, private_mounts
from tools.chaos.plant_floor import MES, PLC, PlantFloor
from tools.chaos.plant_plan import Fault, Scope
from tools.chaos.plant_recovery import HELP_S, Recovery, Report
from tools.chaos.plant_stand import foreseen, standing
from tools.chaos.plant_strikes import Striker
from tools.chaos.plant_witness import Witness
from tools.plant.control import PlantFailed
from tools.simulators.line_operator import EXECUTE

__all__ = ["Pace", "PlantFailed", "ordeal", "scope_of", "suffered"]

_CALM_S = 300.0


@dataclass(frozen=True)
class Pace:
    """How fast it goes."""

    rate: float = 7.0
    """Frames per second, all cameras together."""
    run_every: int = 100
    """Parts of a camera from one run of defects to the next."""
    at_once: int = 3
    """Faults at a time."""


def scope_of(*, stand_by: bool) -> Scope:
    """What there is to break."""
    parts, wired = foreseen(stand_by=stand_by)
    return Scope(parts, wired, PLC, MES, "nats", "redis", disk=private_mounts() is not None)


async def ordeal(
    folder: Path, plan: Sequence[Fault], seed: int, pace: Pace, report: Report, *, stand_by: bool = False
) -> dict[str, Any]:
    """A whole ordeal in an empty folder, where the logs stay; the figures. Raises PlantFailed, TimeoutError."""
    seen = await asyncio.to_thread(pictures, seed)
    report("starting the plant", 0)
    async with standing(folder, store=on_a_small_disk(), stand_by=stand_by) as floor:
        found = await suffered(floor, plan, seen, seed, pace, report)
        left_out = {} if floor.disk else {"disk full": "nobody may mount anything here (unshare --mount)"}
    return {**found, "left_out": left_out}


async def suffered(
    floor: PlantFloor, plan: Sequence[Fault], seen: Pictures, seed: int, pace: Pace, report: Report
) -> dict[str, Any]:
    """Strike every fault while parts are made; then let all come to rest, and count. Raises TimeoutError."""
    book = Book()
    await register(floor, seen.goldens)
    async with cameras_at(floor, seen, book, seed) as cameras, _witness(floor) as witness:
        striker = Striker(floor, witness, cameras)
        recovery = Recovery(floor, striker, book, [camera.place.station for camera in cameras])
        over = asyncio.Event()
        working = [asyncio.create_task(each) for each in _work(floor, cameras, recovery, pace, over)]
        try:
            await recovery.verdicts_since(0.0, _CALM_S)
            await recovery.strike_all(plan, pace.at_once, report)
            report("coming to rest", len(plan))
            over.set()
            async with asyncio.timeout(_CALM_S):
                await asyncio.gather(*working)
            unanswered = sum([await camera.drain(HELP_S) for camera in cameras])
            await recovery.all_answer()
            return {**await _counted(witness, recovery), "unanswered": unanswered}
        finally:
            await cancel(*working)


def _work(
    floor: PlantFloor, cameras: Sequence[PlantCamera], recovery: Recovery, pace: Pace, over: asyncio.Event
) -> Iterable[Any]:
    def running() -> bool:
        return floor.memory.state == EXECUTE

    for at, camera in enumerate(cameras, 1):
        first = at * pace.run_every // (len(cameras) + 1)  # their machines do not go wrong at the same time
        period_s = len(cameras) / pace.rate
        yield camera.work(period_s, pace.run_every, first, running, recovery.toll.away, over)


@contextlib.asynccontextmanager
async def _witness(floor: PlantFloor) -> AsyncIterator[Witness]:
    """Somebody who notes, and somebody who resumes."""
    witness, operator = Witness(floor), operator_of(floor)
    await operator.start()
    doing = [witness.follow(), witness.follow_plc(), resume_for_ever(operator)]
    helpers = [spawn(each, "helper of the ordeal") for each in doing]
    try:
        yield witness
    finally:
        await cancel(*helpers)
        await operator.stop()


async def _counted(witness: Witness, recovery: Recovery) -> dict[str, Any]:
    async with asyncio.timeout(_CALM_S):
        await witness.look()
    confirmed = await witness.receipts()  # first: receipts also say which numbers were written
    wanted = await witness.wanted()
    ledgers = Ledgers(
        told=recovery.book.told,
        kept=await witness.verdicts(),
        requests=witness.requests,
        written=list(witness.written.values()),
        confirmed=confirmed,
        effects=witness.floor.memory.effects,
        held=witness.held,
        runs=recovery.book.runs(),
        away=recovery.toll.away(),
        wanted=wanted,
        orders=await witness.orders(set(wanted), HELP_S),
    )
    return {**recovery.toll.figures(), **figures(recovery.book), **findings(ledgers)}
