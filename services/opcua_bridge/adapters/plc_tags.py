"""The nodes of one session with a PLC: found and checked once, then read and written as plain values."""

from collections.abc import Mapping
from typing import Any

from asyncua import Client, ua
from asyncua.common.node import Node

from services.opcua_bridge.adapters.deadline import deadline
from services.opcua_bridge.adapters.plc_session import LinkLostError, PlcAddress, PlcRefusedError

Kinds = Mapping[str, ua.VariantType]
_MISSING = {ua.StatusCodes.BadNodeIdUnknown, ua.StatusCodes.BadNodeIdInvalid}
_KINDS_OF_ID = ("i=", "g=", "b=", "s=")


class Tags:
    """Named nodes with their types. Every call has a deadline; a value that is not Good is no value."""

    def __init__(self, client: Client, nodes: Mapping[str, Node], kinds: Kinds, deadline_s: float) -> None:
        self._client, self._nodes, self._kinds, self._deadline_s = client, nodes, kinds, deadline_s

    def __contains__(self, name: str) -> bool:
        return name in self._nodes

    def node(self, name: str) -> Node:
        """For subscriptions."""
        return self._nodes[name]

    async def read(self, *names: str) -> list[Any]:
        """The values in one call. Raises LinkLostError for one that is not Good, TimeoutError, UaError."""
        async with deadline(self._deadline_s):
            found = await self._client.read_attributes([self._nodes[name] for name in names])
        for name, value in zip(names, found, strict=True):
            if not value.StatusCode.is_good():  # the server may be a gateway that has lost the PLC behind it
                raise LinkLostError(f"gives {self._called(name)} the quality {value.StatusCode.name}: look at it there")
        return [value.Value.Value for value in found]

    async def write(self, values: Mapping[str, int | str | bool]) -> None:
        """One Write call, types given and no timestamps: PLCs refuse those (asyncua #520, #1536).

        Raises PlcRefusedError for what the PLC will never take, TimeoutError, ConnectionError, UaError.
        """
        nodes = [self._nodes[name] for name in values]
        typed = [ua.DataValue(ua.Variant(value, self._kinds[name])) for name, value in values.items()]
        try:
            async with deadline(self._deadline_s):
                results = await self._client.write_values(nodes, typed, raise_on_partial_error=False)
        except ua.UaStatusCodeError as error:  # some servers refuse the call as a whole
            results = [ua.StatusCode(error.code)] * len(nodes)
        for name, result in zip(values, results, strict=True):
            if why := _WHY_NOT_WRITTEN.get(result.value):
                raise PlcRefusedError(f"the PLC did not take {self._called(name)} ({result.name}): {why}")
            result.check()

    async def call(self, of: str, method: str) -> None:
        """Call a method without arguments. Raises UaStatusCodeError with the PLC's answer, TimeoutError."""
        async with deadline(self._deadline_s):
            await self._nodes[of].call_method(self._nodes[method].nodeid)

    def _called(self, name: str) -> str:
        return str(self._nodes[name].nodeid.Identifier)


_WHY_NOT_WRITTEN = {
    ua.StatusCodes.BadUserAccessDenied: "give the bridge's user the right to write it",
    ua.StatusCodes.BadNotWritable: "make it writable for OPC UA clients",
    ua.StatusCodes.BadTypeMismatch: "declare it with the type that deploy/plc/README.md names",
    ua.StatusCodes.BadNodeIdUnknown: "load the present block into the PLC",
}


async def found_tags(
    client: Client, address: PlcAddress, node_ids: Mapping[str, str], kinds: Kinds, deadline_s: float
) -> Tags:
    """The tags of `node_ids` in the PLC's namespace; those in `kinds` are variables. Raises PlcRefusedError.

    Whatever is wrong with them shall be found when the link comes up and not with the first pause.
    """
    async with deadline(deadline_s):
        namespaces = await client.get_namespace_array()
    if address.namespace not in namespaces:
        fix = "load the block into the PLC, or correct `plc.namespace` in the plant file"
        offers = ", ".join(namespaces[2:]) or "none"
        raise PlcRefusedError(
            f"the PLC at {address.url} has no namespace {address.namespace!r} (its own: {offers}): {fix}"
        )
    index = namespaces.index(address.namespace)
    nodes = {name: client.get_node(_node_id(text, index)) for name, text in node_ids.items()}
    variables = [name for name in nodes if name in kinds]
    async with deadline(deadline_s):
        values = await client.read_attributes([nodes[name] for name in variables])
        others = [nodes[name] for name in nodes if name not in kinds]
        classes = await client.read_attributes(others, ua.AttributeIds.NodeClass) if others else []
    for node, value in [(nodes[n], v) for n, v in zip(variables, values, strict=True)] + list(
        zip(others, classes, strict=True)
    ):
        _exists(address, node, value)
    for name, value in zip(variables, values, strict=True):
        _fits(address, nodes[name], value, kinds[name])
    return Tags(client, nodes, kinds, deadline_s)


def _node_id(text: str, index: int) -> ua.NodeId:
    return ua.NodeId.from_string(f"ns={index};{text if text.startswith(_KINDS_OF_ID) else f's={text}'}")


def _exists(address: PlcAddress, node: Node, value: ua.DataValue) -> None:
    code = value.StatusCode.value
    if code in _MISSING:
        fix = "load the present block into the PLC, or name its node in `plc.nodes` of the plant file"
        raise PlcRefusedError(
            f"the PLC at {address.url} has no node {node.nodeid.Identifier!r} in {address.namespace}: {fix}"
        )
    if code in (ua.StatusCodes.BadUserAccessDenied, ua.StatusCodes.BadNotReadable):
        fix = f"let the user {address.user!r} read it"
        raise PlcRefusedError(f"the PLC at {address.url} does not show {node.nodeid.Identifier!r}: {fix}")


def _fits(address: PlcAddress, node: Node, value: ua.DataValue, kind: ua.VariantType) -> None:
    given = value.Value
    if given is None or given.VariantType is ua.VariantType.Null:
        return  # not yet written by the program: its first write will tell
    if given.VariantType is not kind or given.is_array:
        has = f"{'array of ' if given.is_array else ''}{given.VariantType.name}"
        fix = f"declare it as {kind.name} (deploy/plc/README.md)"
        raise PlcRefusedError(f"{node.nodeid.Identifier} of the PLC at {address.url} is {has}: {fix}")
