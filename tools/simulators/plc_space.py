"""The PLC's tags in OPC UA: one object per block, string node ids `Block.Tag`."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from asyncua import Server, ua
from asyncua.common.node import Node

from services.opcua_bridge.adapters.secure_server import Rights
from tools.simulators.plc_faults import METHOD, SWITCHES
from tools.simulators.plc_program import PROGRAMS

Method = Callable[..., Awaitable[ua.StatusCode | list[ua.Variant]]]
_FIRST: dict[ua.VariantType, Any] = {ua.VariantType.String: "", ua.VariantType.Boolean: False}


def roles() -> dict[str, Rights]:
    """Who may do what at the PLC: the bridge writes what is addressed to the PLC, and nothing else."""
    writable = {f"{program.block}.{tag}" for program in PROGRAMS.values() for tag in program.written}
    switches = frozenset(f"Faults.{name}" for name in SWITCHES)
    panel = frozenset({"Operator.Resume", "Operator.SetRemotePause"})
    return {
        "bridge": Rights(write=frozenset(writable), call=frozenset({"Packml.Hold"})),
        "operator": Rights(call=panel),
        "observer": Rights(),
        "tester": Rights(write=switches, call=panel | {f"Faults.{METHOD}"}),
    }


class Space:
    """Blocks of tags; what has not changed is not written again."""

    def __init__(self, server: Server, namespace: int) -> None:
        self._server, self._namespace = server, namespace
        self._nodes: dict[str, Node] = {}
        self._kinds: dict[str, ua.VariantType] = {}
        self._shown: dict[str, Any] = {}

    async def block(self, name: str) -> Node:
        """An object for tags and methods."""
        return await self._server.nodes.objects.add_object(self._id(name), self._called(name))

    async def tag(self, block: Node, kind: ua.VariantType, path: str, first: Any = None, *, writable: bool) -> None:
        """Add `Block.Tag` with a value that is there before any client can look."""
        value = ua.Variant(_FIRST.get(kind, 0) if first is None else first, kind)
        node = await block.add_variable(self._id(path), self._called(path.partition(".")[2]), value)
        if writable:
            await node.set_writable()
        self._nodes[path], self._kinds[path] = node, kind

    async def method(self, block: Node, path: str, call: Method, inputs: Sequence[ua.VariantType] = ()) -> None:
        """Add `Block.Method`."""
        await block.add_method(self._id(path), self._called(path.partition(".")[2]), call, list(inputs))

    async def read(self, block: str, tags: Sequence[str]) -> dict[str, Any]:
        """What clients have written."""
        return {tag: await self._nodes[f"{block}.{tag}"].read_value() for tag in tags}

    async def show(self, path: str, value: Any) -> None:
        """Let clients see it."""
        if self._shown.get(path) != value:
            await self._nodes[path].write_value(ua.Variant(value, self._kinds[path]))
            self._shown[path] = value

    def _id(self, identifier: str) -> ua.NodeId:
        return ua.NodeId(identifier, self._namespace)

    def _called(self, name: str) -> ua.QualifiedName:
        return ua.QualifiedName(name, self._namespace)
