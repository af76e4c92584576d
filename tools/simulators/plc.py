"""A line's PLC: an OPC UA server around the cyclic program.

It shows `VisIf.*`, `Line.Running`, and the operator's panel as methods `Operator.*`. Loopback only.
"""

import asyncio
import logging
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from asyncua import Server, ua
from asyncua.common.node import Node

from services.opcua_bridge.adapters.identity import load_identity
from services.opcua_bridge.adapters.secure_server import Rights, secure_server
from tools.simulators.plc_program import EXECUTE, Program, Request, Retain

SCAN_S = 0.02
_REQUEST = {
    "ReqCmd": ua.VariantType.Int16,
    "ReqReason": ua.VariantType.Int32,
    "ReqText": ua.VariantType.String,
    "ReqTtlMs": ua.VariantType.UInt32,
    "ReqFresh": ua.VariantType.UInt32,
    "ReqCmdId": ua.VariantType.UInt32,
    "HbVis": ua.VariantType.UInt32,
}
_ANSWER = {
    "AckCode": ua.VariantType.Int16,
    "AckCmdId": ua.VariantType.UInt32,  # written behind AckCode: the commit
    "StateCurrent": ua.VariantType.Int32,
    "Executed": ua.VariantType.UInt32,
    "RemotePauseEnabled": ua.VariantType.Boolean,
    "LinkAlarm": ua.VariantType.Boolean,
    "HbPlc": ua.VariantType.UInt32,
}
_FIRST = {ua.VariantType.String: "", ua.VariantType.Boolean: False}
ROLES = {
    "bridge": Rights(write=frozenset(f"VisIf.{tag}" for tag in _REQUEST)),
    "operator": Rights(call=frozenset({"Operator.Resume", "Operator.SetRemotePause"})),
    "observer": Rights(),
}


class Plc:
    """The program between its tags: read the requests, scan, keep, show."""

    def __init__(self, server: Server, namespace: int, program: Program, retain: Retain) -> None:
        self._server = server
        self._namespace = namespace
        self._program = program
        self._retain = retain
        self._tags: dict[str, Node] = {}
        self._shown: dict[str, int | bool] = {}

    async def build(self) -> None:
        """Create the address space with what the memory holds, before any client can look."""
        block = await self._object("VisIf")
        for tag, kind in (_REQUEST | _ANSWER).items():
            first = ua.Variant(_FIRST.get(kind, 0), kind)
            self._tags[tag] = await block.add_variable(self._id(f"VisIf.{tag}"), self._name(tag), first)
            if tag in _REQUEST:
                await self._tags[tag].set_writable()
        line = await self._object("Line")
        running = ua.Variant(False, ua.VariantType.Boolean)
        self._tags["Running"] = await line.add_variable(self._id("Line.Running"), self._name("Running"), running)
        operator = await self._object("Operator")
        await operator.add_method(self._id("Operator.Resume"), self._name("Resume"), self._resume)
        permit = [ua.VariantType.Boolean]
        await operator.add_method(
            self._id("Operator.SetRemotePause"), self._name("SetRemotePause"), self._set_remote_pause, permit
        )
        await self._show()

    async def run(self) -> None:
        """Scan until cancelled."""
        while True:
            request = Request(
                await self._read("ReqCmdId"),
                await self._read("ReqCmd"),
                await self._read("ReqTtlMs"),
                await self._read("ReqFresh"),
            )
            self._program.scan(time.monotonic(), request, await self._read("HbVis"))
            self._retain.store(self._program.memory)
            await self._show()
            await asyncio.sleep(SCAN_S)

    async def _show(self) -> None:
        memory = self._program.memory
        running = {"Running": memory.state == EXECUTE}
        values = (memory.ack_code, memory.ack_id, memory.state, memory.executed)
        flags = (memory.remote_pause_enabled, self._program.link_alarm, self._program.heartbeat)
        for tag, value in (dict(zip(_ANSWER, (*values, *flags), strict=True)) | running).items():
            if self._shown.get(tag) != value:
                kind = _ANSWER.get(tag, ua.VariantType.Boolean)
                await self._tags[tag].write_value(ua.Variant(value, kind))
                self._shown[tag] = value

    async def _resume(self, _parent: ua.NodeId) -> ua.StatusCode | list[ua.Variant]:
        if not self._program.resume(time.monotonic()):
            return ua.StatusCode(ua.StatusCodes.BadInvalidState)
        return []

    async def _set_remote_pause(self, _parent: ua.NodeId, permit: ua.Variant) -> list[ua.Variant]:
        self._program.memory.remote_pause_enabled = bool(permit.Value)
        return []

    async def _read(self, tag: str) -> Any:
        return await self._tags[tag].read_value()

    async def _object(self, name: str) -> Node:
        return await self._server.nodes.objects.add_object(self._id(name), self._name(name))

    def _id(self, identifier: str) -> ua.NodeId:
        return ua.NodeId(identifier, self._namespace)

    def _name(self, name: str) -> ua.QualifiedName:
        return ua.QualifiedName(name, self._namespace)


async def serve(port: int, line: str, namespace: str, pki: Path, retain: Retain, users: Path, holding_s: float) -> None:
    """Run one PLC on 127.0.0.1; prints `READY <url>` when clients may come."""
    url = f"opc.tcp://127.0.0.1:{port}/plc"
    server = await secure_server(url, f"PLC of {line}", await load_identity(pki), users, ROLES)
    index = await server.register_namespace(namespace)
    plc = Plc(server, index, Program(retain.load(), holding_s, time.monotonic()), retain)
    await plc.build()
    async with server:
        print(f"READY {url}", flush=True)
        await plc.run()


def main(
    port: Annotated[int, typer.Option(help="TCP port on 127.0.0.1")],
    namespace: Annotated[str, typer.Option(help="namespace URI of the tags, as in the plant file")],
    pki: Annotated[Path, typer.Option(help="folder with own/, trusted/ and crl/ (tools/certs.py)")],
    retain: Annotated[Path, typer.Option(help="file of the retentive memory")],
    users: Annotated[Path, typer.Option(help="YAML {name: {password: ..., role: bridge|operator|observer}}")],
    line: Annotated[str, typer.Option(help="name of the line")] = "line",
    holding_s: Annotated[float, typer.Option(help="seconds from Holding to Held")] = 0.4,
) -> None:
    """Simulate a line's PLC."""
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(serve(port, line, namespace, pki, Retain(retain), users, holding_s))


if __name__ == "__main__":
    typer.run(main)
