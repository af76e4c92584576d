"""Plain OPC UA variables with string ids, the time of their source, and a status that says how far to believe them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum

from asyncua import Server, ua
from asyncua.common.node import Node

Value = str | int | float | bool | datetime
_EMPTY: dict[ua.VariantType, Value] = {
    ua.VariantType.String: "",
    ua.VariantType.Boolean: False,
    ua.VariantType.Double: 0.0,
    ua.VariantType.DateTime: datetime(1970, 1, 1, tzinfo=UTC),
}


class Trust(Enum):
    """How far the values of a source can be believed, as a status code."""

    GOOD = ua.StatusCodes.Good
    LAST_USABLE = ua.StatusCodes.UncertainLastUsableValue
    LOST = ua.StatusCodes.BadCommunicationError


@dataclass
class _Tag:
    node: Node
    kind: ua.VariantType
    source: str
    value: ua.DataValue


class Tags:
    """The variables of one server; each hangs on a named source."""

    def __init__(self, server: Server, namespace: int) -> None:
        self._server = server
        self._namespace = namespace
        self._folders: dict[str, Node] = {}
        self._tags: dict[str, _Tag] = {}
        self._trust: dict[str, Trust] = {}

    async def add(self, kind: str, name: str, tags: Mapping[str, tuple[ua.VariantType, str]]) -> None:
        """Create `<kind>/<name>/<tag>` for each tag, given its type and its source."""
        if kind not in self._folders:
            self._folders[kind] = await self._server.nodes.objects.add_folder(self._id(kind), self._name(kind))
        thing = await self._folders[kind].add_object(self._id(f"{kind}/{name}"), self._name(name))
        for tag, (variant, source) in tags.items():
            identifier = f"{kind}/{name}/{tag}"
            first = ua.DataValue(
                ua.Variant(_EMPTY.get(variant, 0), variant),
                StatusCode=ua.StatusCode(ua.StatusCodes.BadWaitingForInitialData),
            )
            node = await thing.add_variable(self._id(identifier), self._name(tag), first.Value)
            self._tags[identifier] = _Tag(node, variant, source, first)
            await node.write_value(first)

    async def show(self, identifier: str, value: Value, at: float) -> None:
        """Set a value as of `at` (seconds of the epoch): else trends would show the time of publishing."""
        tag = self._tags[identifier]
        tag.value = ua.DataValue(ua.Variant(value, tag.kind), SourceTimestamp=datetime.fromtimestamp(at, UTC))
        await self._write(tag)

    async def set_trust(self, source: str, trust: Trust) -> None:
        """Say how far the values of a source can be believed; those that it never gave stay as they are."""
        if trust is self._trust.get(source, Trust.GOOD):
            return
        self._trust[source] = trust
        for tag in self._tags.values():
            if tag.source == source:
                await self._write(tag)

    async def _write(self, tag: _Tag) -> None:
        value, trust = tag.value, self._trust.get(tag.source, Trust.GOOD)
        if trust is not Trust.GOOD and value.StatusCode.is_good():
            value = replace(value, StatusCode=ua.StatusCode(trust.value))
        await tag.node.write_value(value)

    def _id(self, identifier: str) -> ua.NodeId:
        return ua.NodeId(identifier, self._namespace)

    def _name(self, name: str) -> ua.QualifiedName:
        return ua.QualifiedName(name, self._namespace)
