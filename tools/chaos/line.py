"""The ordeal of a line: pauses are asked for and operators resume, while everything between them breaks and mends."""

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2

from services.chassis.errors import Unavailable
from services.chassis.run import cancel, spawn
from services.chassis.streams import Delivery, Follower, Route
from services.contracts.instant import timestamp
from services.contracts.subjects import PAUSE_REQUESTED, PAUSE_SETTLED, PLC_CLAIMED, STATION
from tools.chaos.line_faults import Fault, drawn, strike
from tools.chaos.line_floor import PLACE, Floor, standing
from tools.chaos.line_tally import NUMBERS, Intent, Receipts, Struck, by_fault, reconciled
from tools.simulators.line_operator import LineOperator
from tools.simulators.plc_machine import HELD
from tools.simulators.plc_memory import EXECUTE

_ANSWER_S = 120.0
"""A receipt that has not come so long after its request's end does not come."""
_CALM_S = 60.0
_LOOK_S = 0.1
_AIM_S = 0.6
Report = Callable[[str], None]


class Ordeal:
    """One seed on one floor."""

    def __init__(self, floor: Floor, seed: int) -> None:
        self._floor, self._draw = floor, random.Random(f"{seed} people")
        self._sequences: dict[str, tuple[int, float, float]] = {}
        self._receipts = _Receipts(floor)
        self._struck: list[Struck] = []
        self._crashed: list[str] = []
        self._open, self._over = asyncio.Event(), asyncio.Event()

    async def run(self, faults: Sequence[Fault], report: Report) -> dict[str, Any]:
        """Strike every fault while pauses are asked for; then let the last one end, and count."""
        operator = _operator(self._floor)
        await operator.start()
        await self._receipts.start()
        helpers = [spawn(self._resume(operator), "operator"), spawn(self._keep(), "keeper")]
        asking = asyncio.create_task(self._ask())
        try:
            for fault in faults:
                with contextlib.suppress(TimeoutError):  # rather in the middle of something than in between
                    await asyncio.wait_for(self._open.wait(), _AIM_S)
                began_at = time.time()
                await strike(self._floor, fault)
                self._struck.append(Struck(fault.kind, began_at, began_at + fault.lasts_s))
                report(fault.kind)
            self._over.set()
            await asking
            return await self._counted()
        finally:
            await cancel(asking, *helpers)
            await self._receipts.stop()
            await operator.stop()

    async def _ask(self) -> None:
        """One request after the other, so that each confirmation must have an effect of its own."""
        for number in itertools.count(1):
            await self._floor.until_state(EXECUTE, deadline_s=_CALM_S)
            await asyncio.sleep(self._draw.uniform(0.0, 0.5))
            if self._over.is_set():
                return
            await self._request(f"request-{number}", self._draw.uniform(3.0, 15.0))

    async def _request(self, request_id: str, ttl_s: float) -> None:
        asked_at = time.time()
        expires_at = asked_at + ttl_s
        message = line_pb2.PauseRequested(
            request_id=request_id,
            episode_id=f"episode of {request_id}",
            station=frame_pb2.StationPath(site=PLACE.site, line=PLACE.line, station=PLACE.station),
            text=request_id,
            requested_at=timestamp(asked_at),
            expires_at=timestamp(expires_at),
        )
        while request_id not in self._sequences:
            with contextlib.suppress(Unavailable):  # the broker is being killed: again, with the same id
                sequence = (await self._floor.bus.publish(PAUSE_REQUESTED.at(PLACE), message, request_id)).sequence
                self._sequences[request_id] = (sequence, asked_at, expires_at)
        self._open.set()
        with contextlib.suppress(TimeoutError):  # counted as unanswered
            await self._receipts.until(request_id, ttl_s + _ANSWER_S)
        self._open.clear()

    async def _resume(self, operator: LineOperator) -> None:
        """Whoever stands at the machine does not wait for receipts: the worst case for a repeated command."""
        while True:
            with contextlib.suppress(TimeoutError):
                await self._floor.until_state(HELD)
                await asyncio.sleep(self._draw.uniform(0.0, 1.5))
                await operator.resume(_CALM_S)

    async def _keep(self) -> None:
        """Nothing may die unless it is killed; what does is noted and started again."""
        while True:
            for process in self._floor.processes.values():
                if process.died:
                    self._crashed.append(f"{process.name}: {process.tail()}")
                    process.start()
            await asyncio.sleep(_LOOK_S)

    async def _counted(self) -> dict[str, Any]:
        stored = await self._floor.bus.jetstream.get_last_msg(PLC_CLAIMED.stream.name, PLC_CLAIMED.everywhere)
        base = line_pb2.PlcClaimed.FromString(stored.data or b"").base
        intents = [
            Intent(request_id, (base + sequence) % NUMBERS, asked_at, expires_at)
            for request_id, (sequence, asked_at, expires_at) in self._sequences.items()
        ]
        receipts = self._receipts.found()
        found = {"faults": len(self._struck), **reconciled(intents, receipts, self._floor.memory.effects)}
        found["crashed"] = len(self._crashed)
        found["crashes"] = self._crashed
        found["by_fault"] = by_fault(self._struck, intents, receipts)
        return found


class _Receipts:
    """Follows what the bridges say about the requests."""

    def __init__(self, floor: Floor) -> None:
        self._outcomes: dict[str, str] = {}
        self._told_at: dict[str, float] = {}
        self._repeated = 0
        self._position = 0
        self._changed = asyncio.Condition()
        route = Route(PAUSE_SETTLED.everywhere, line_pb2.PauseSettled, self._on_settled)
        self._follower = Follower(floor.bus, STATION.name, [route], lambda: self._position)

    async def start(self) -> None:
        await self._follower.start()

    async def stop(self) -> None:
        await self._follower.stop()

    async def until(self, request_id: str, deadline_s: float) -> None:
        """Wait for a receipt. Raises TimeoutError."""
        async with asyncio.timeout(deadline_s), self._changed:
            await self._changed.wait_for(lambda: request_id in self._outcomes)

    def found(self) -> Receipts:
        return Receipts(self._outcomes, self._told_at, self._repeated)

    async def _on_settled(self, message: line_pb2.PauseSettled, delivery: Delivery) -> None:
        self._position = delivery.sequence
        outcome = line_pb2.PauseOutcome.Name(message.outcome).removeprefix("PAUSE_OUTCOME_").lower()
        self._repeated += message.request_id in self._outcomes
        async with self._changed:
            self._outcomes.setdefault(message.request_id, outcome)
            self._told_at.setdefault(message.request_id, delivery.stored_at.timestamp())
            self._changed.notify_all()


def _operator(floor: Floor) -> LineOperator:
    beside_the_wire = floor.plc.model_copy(update={"url": f"opc.tcp://127.0.0.1:{floor.plc_port}/plc"})
    return LineOperator(beside_the_wire, floor.pki["client"], "operator", floor.passwords["operator"])


async def ordeal(folder: Path, faults: int, seed: int, report: Report) -> dict[str, Any]:
    """Run a whole ordeal in an empty folder, where the logs stay; returns the figures.

    Raises TimeoutError where something never came back: a fault that could not be struck, a line that stayed held.
    """
    began = time.monotonic()
    async with standing(folder, bridges=2) as floor:
        found = await Ordeal(floor, seed).run(drawn(faults, seed), report)
    return {"seed": seed, "seconds": round(time.monotonic() - began, 1), **found}
