"""A line's PLC: an OPC UA server around the cyclic program, with switches for what may go wrong. Loopback only."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from asyncua import Server, ua

from services.chassis.errors import Invalid
from services.opcua_bridge.adapters.identity import load_identity
from services.opcua_bridge.adapters.secure_server import secure_server
from tools.simulators.plc_faults import METHOD, SCAN_MS, SWITCHES, Faults
from tools.simulators.plc_machine import Machine
from tools.simulators.plc_memory import EXECUTE, Retain
from tools.simulators.plc_program import PROGRAMS, Program
from tools.simulators.plc_space import Space, roles

_INVALID_STATE = ua.StatusCode(ua.StatusCodes.BadInvalidState)


@dataclass(frozen=True)
class Cabinet:
    """One PLC, as it was installed."""

    port: int
    line: str
    namespace: str
    pki: Path
    users: Path
    retain: Retain
    kind: str = "visif"
    holding_s: float = 0.4
    sessions: int = 50


class Plc:
    """The program between its tags, from power-on to power-off: read what was written, scan, keep, show."""

    def __init__(self, space: Space, program: Program, retain: Retain, faults: Faults) -> None:
        self._space, self._program, self._retain, self._faults = space, program, retain, faults

    async def build(self) -> None:
        """Create the address space with what the memory holds, before any client can look."""
        program, memory = self._program, self._program.machine.memory
        block = await self._space.block(program.block)
        kept = {"FailPolicy": memory.fail_policy, "LinkDeadMs": memory.link_dead_ms}
        for tag, kind in (*program.written.items(), *program.shown.items()):
            writable = tag in program.written
            await self._space.tag(block, kind, f"{program.block}.{tag}", kept.get(tag), writable=writable)
        for name, act in program.methods().items():
            await self._space.method(block, f"{program.block}.{name}", _answering(act))
        line = await self._space.block("Line")
        for tag in ("Running", "Diverting"):
            await self._space.tag(line, ua.VariantType.Boolean, f"Line.{tag}", writable=False)
        operator = await self._space.block("Operator")
        await self._space.method(operator, "Operator.Resume", _answering(program.machine.resume))
        permit = [ua.VariantType.Boolean]
        await self._space.method(operator, "Operator.SetRemotePause", self._set_remote_pause, permit)
        await self._build_faults()
        await self._show()

    async def run(self) -> None:
        """Scan until cancelled."""
        while True:
            self._faults.set(await self._space.read("Faults", list(SWITCHES)))
            if not self._faults.freeze:
                await self._scan()
            await asyncio.sleep(self._faults.scan_ms / 1000)

    async def _scan(self) -> None:
        given = await self._space.read(self._program.block, list(self._program.written))
        self._program.rejecting = self._faults.reject
        self._program.scan(time.monotonic(), given)
        self._retain.store(self._program.machine.memory)
        await self._show()

    async def _build_faults(self) -> None:
        block = await self._space.block("Faults")
        for name, value in self._faults.first_values().items():
            await self._space.tag(block, SWITCHES[name], f"Faults.{name}", value, writable=True)
        await self._space.method(block, f"Faults.{METHOD}", self._restart, [ua.VariantType.UInt32])

    async def _show(self) -> None:
        machine = self._program.machine
        for tag, value in self._program.values().items():
            wrong = self._faults.wrong_state if tag == "StateCurrent" else 0
            await self._space.show(f"{self._program.block}.{tag}", wrong or value)
        await self._space.show("Line.Running", machine.memory.state == EXECUTE)
        await self._space.show("Line.Diverting", machine.diverting)

    async def _set_remote_pause(self, _parent: ua.NodeId, permit: ua.Variant) -> list[ua.Variant]:
        self._program.machine.memory.remote_pause_enabled = bool(permit.Value)
        return []

    async def _restart(self, _parent: ua.NodeId, off_ms: ua.Variant) -> list[ua.Variant]:
        self._faults.turn_off(off_ms.Value / 1000)
        return []


def _answering(act: Callable[[float], bool]) -> Any:
    async def method(_parent: ua.NodeId) -> ua.StatusCode | list[ua.Variant]:
        return [] if act(time.monotonic()) else _INVALID_STATE

    return method


async def serve(cabinet: Cabinet, faults: Faults) -> None:
    """Run one PLC on 127.0.0.1, through its power cuts; prints `READY <url>` when clients may come the first time."""
    url = f"opc.tcp://127.0.0.1:{cabinet.port}/plc"
    ready = f"READY {url}"
    while True:
        identity, name = await load_identity(cabinet.pki), f"PLC of {cabinet.line}"
        server = await secure_server(url, name, identity, cabinet.users, roles(), max_sessions=cabinet.sessions)
        plc = await _assembled(server, cabinet, faults)
        async with server:
            if ready:
                print(ready, flush=True)
                ready = ""
            scanning = asyncio.create_task(plc.run())
            cut = asyncio.create_task(faults.power_cut())
            await asyncio.wait({scanning, cut}, return_when=asyncio.FIRST_COMPLETED)
            scanning.cancel()
            off_s = cut.result() if cut.done() else scanning.result()  # a program that died says why
        await asyncio.sleep(off_s or 0)


async def _assembled(server: Server, cabinet: Cabinet, faults: Faults) -> Plc:
    space = Space(server, await server.register_namespace(cabinet.namespace))
    machine = Machine(cabinet.retain.load(), cabinet.holding_s, time.monotonic())
    plc = Plc(space, PROGRAMS[cabinet.kind](machine), cabinet.retain, faults)
    await plc.build()
    return plc


def main(
    port: Annotated[int, typer.Option(help="TCP port on 127.0.0.1")],
    namespace: Annotated[str, typer.Option(help="namespace URI of the tags, as in the plant file")],
    pki: Annotated[Path, typer.Option(help="folder with own/, trusted/ and crl/ (`jidoka certs`)")],
    retain: Annotated[Path, typer.Option(help="file of the retentive memory")],
    users: Annotated[Path, typer.Option(help="YAML {name: {password: ..., role: bridge|operator|observer|tester}}")],
    line: Annotated[str, typer.Option(help="name of the line")] = "line",
    kind: Annotated[str, typer.Option(help=f"how it wants to be asked: {', '.join(PROGRAMS)}")] = "visif",
    holding_s: Annotated[float, typer.Option(help="seconds from Holding to Held")] = 0.4,
    scan_ms: Annotated[int, typer.Option(min=1, help="milliseconds of one cycle")] = SCAN_MS,
    sessions: Annotated[int, typer.Option(min=1, help="how many clients there is room for")] = 50,
    wrong_state: Annotated[int, typer.Option(help="show this StateCurrent; 0: the truth")] = 0,
    *,
    reject: Annotated[bool, typer.Option(help="refuse every command")] = False,
    freeze: Annotated[bool, typer.Option(help="answer clients, but run no program")] = False,
) -> None:
    """Simulate a line's PLC. The user role `tester` may turn the fault switches (`Faults.*`) while it runs."""
    logging.basicConfig(level=logging.ERROR)
    if kind not in PROGRAMS:
        raise typer.BadParameter(f"one of {', '.join(PROGRAMS)}", param_hint="--kind")
    cabinet = Cabinet(port, line, namespace, pki, users, Retain(retain), kind, holding_s, sessions)
    try:
        asyncio.run(serve(cabinet, Faults(reject, scan_ms, freeze, wrong_state)))
    except Invalid as error:
        raise SystemExit(f"the PLC does not start: {error}") from None


if __name__ == "__main__":
    typer.run(main)
