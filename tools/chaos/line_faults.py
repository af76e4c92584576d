"""What can go wrong between a rule and a machine: drawn by a seed, struck, and healed again."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from asyncua import ua

from tools.chaos.line_floor import Floor
from tools.chaos.process import Process

Strike = Callable[[Floor, "Fault"], contextlib.AbstractAsyncContextManager[None]]
_TRIES_S = 60.0
_AWAY = (OSError, TimeoutError, ConnectionError, ua.UaError)


@dataclass(frozen=True)
class Fault:
    """One fault: for how long it lasts, and for how long there is peace behind it, in seconds."""

    kind: str
    lasts_s: float
    peace_s: float
    bridge: int = 0
    """Which of the bridges it hits, if it hits one."""


@contextlib.asynccontextmanager
async def _wire_cut(floor: Floor, _: Fault) -> AsyncIterator[None]:
    floor.wire.cut()
    yield


@contextlib.asynccontextmanager
async def _wire_frozen(floor: Floor, _: Fault) -> AsyncIterator[None]:
    floor.wire.open.clear()
    yield
    floor.wire.open.set()


@contextlib.asynccontextmanager
async def _wire_frozen_and_cut(floor: Floor, _: Fault) -> AsyncIterator[None]:
    floor.wire.open.clear()
    yield
    floor.wire.cut()
    floor.wire.open.set()


def _on(name: str, down: Callable[[Process], None], up: Callable[[Process], None]) -> Strike:
    @contextlib.asynccontextmanager
    async def strike(floor: Floor, fault: Fault) -> AsyncIterator[None]:
        process = floor.processes[_hit(name, floor, fault)]
        await asyncio.to_thread(down, process)
        yield
        up(process)

    return strike


def _killed(name: str) -> Strike:
    return _on(name, Process.kill, Process.start)


def _stopped(name: str) -> Strike:
    return _on(name, Process.stop, Process.start)


def _asleep(name: str) -> Strike:
    return _on(name, Process.pause, Process.wake)


def _hit(name: str, floor: Floor, fault: Fault) -> str:
    return floor.bridges[fault.bridge % len(floor.bridges)] if name == "bridge" else name


@contextlib.asynccontextmanager
async def _program_frozen(floor: Floor, _: Fault) -> AsyncIterator[None]:
    async with _switched(floor, "Freeze", ua.Variant(True, ua.VariantType.Boolean), False):
        yield


@contextlib.asynccontextmanager
async def _program_slow(floor: Floor, fault: Fault) -> AsyncIterator[None]:
    cycle_ms = ua.Variant(max(1, int(fault.lasts_s * 400)), ua.VariantType.UInt32)
    async with _switched(floor, "ScanMs", cycle_ms, 20):
        yield


@contextlib.asynccontextmanager
async def _power_cut(floor: Floor, fault: Fault) -> AsyncIterator[None]:
    async with floor.client("tester") as (client, index):
        off_ms = ua.Variant(int(fault.lasts_s * 1000), ua.VariantType.UInt32)
        faults = client.get_node(ua.NodeId("Faults", index))
        await faults.call_method(ua.NodeId("Faults.Restart", index), off_ms)
    yield


@contextlib.asynccontextmanager
async def _switched(floor: Floor, switch: str, bad: ua.Variant, good: bool | int) -> AsyncIterator[None]:
    async with floor.client("tester") as (client, index):
        node = client.get_node(ua.NodeId(f"Faults.{switch}", index))
        await node.write_value(ua.DataValue(bad))
        yield
        await node.write_value(ua.DataValue(ua.Variant(good, bad.VariantType)))


@dataclass(frozen=True)
class Kind:
    """How a fault is struck, how often it is drawn, and the longest that it may last, in seconds."""

    strike: Strike
    weight: int
    longest_s: float


KINDS: dict[str, Kind] = {
    "wire cut": Kind(_wire_cut, 8, 0.1),
    "wire frozen": Kind(_wire_frozen, 7, 2.0),
    "wire frozen, then cut": Kind(_wire_frozen_and_cut, 4, 2.0),
    "PLC killed": Kind(_killed("plc"), 1, 0.5),
    "PLC power cut": Kind(_power_cut, 1, 0.5),
    "PLC asleep": Kind(_asleep("plc"), 3, 1.5),
    "PLC program frozen": Kind(_program_frozen, 3, 2.0),
    "PLC program slow": Kind(_program_slow, 2, 2.0),
    "bridge killed": Kind(_killed("bridge"), 1, 0.5),
    "bridge restarted": Kind(_stopped("bridge"), 1, 0.2),
    "bridge asleep": Kind(_asleep("bridge"), 3, 4.0),
    "broker killed": Kind(_killed("broker"), 3, 0.7),
    "broker asleep": Kind(_asleep("broker"), 2, 1.5),
}
"""Starting a bridge or a PLC takes seconds: oftener, and nobody would be there to be hit by the next fault."""


def drawn(count: int, seed: int) -> list[Fault]:
    """The faults of an ordeal, the same for the same seed: each kind once as long as there is room, then by weight."""
    draw = random.Random(seed)
    kinds = draw.sample(list(KINDS), len(KINDS))
    weights = [kind.weight for kind in KINDS.values()]
    kinds += draw.choices(list(KINDS), weights, k=max(0, count - len(kinds)))
    return [
        Fault(
            kind,
            round(draw.triangular(0.0, KINDS[kind].longest_s, 0.2 * KINDS[kind].longest_s), 3),
            round(draw.triangular(0.0, 0.8, 0.1), 3),
            draw.randrange(1 << 16),
        )
        for kind in kinds[:count]
    ]


async def strike(floor: Floor, fault: Fault) -> None:
    """Let it happen, last and pass; a PLC that is still starting is waited for. Raises TimeoutError."""
    async with asyncio.timeout(_TRIES_S):
        while True:
            struck = False
            try:
                async with KINDS[fault.kind].strike(floor, fault):
                    struck = True
                    await asyncio.sleep(fault.lasts_s)
                break
            except _AWAY:
                if struck:  # the PLC died while its program stood still: its next life does not
                    break
                await asyncio.sleep(0.2)
    await asyncio.sleep(fault.peace_s)
