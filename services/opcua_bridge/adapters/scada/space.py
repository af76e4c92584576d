"""The part of the address space where the companion specifications' objects stand, under string ids that never move."""

import functools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self, TypeAlias

from asyncua import Server, ua
from asyncua.common.node import Node

from services.opcua_bridge.adapters.scada import nodesets

log = logging.getLogger("jidoka.opcua_bridge")
Outputs: TypeAlias = list[Any] | Any
"""The output arguments as variants, or a status code instead of them."""
Method: TypeAlias = Callable[..., Awaitable[Outputs]]


@dataclass(frozen=True)
class Space:
    """A server into which the node sets are loaded, with the indexes of its namespaces."""

    server: Server
    own: int
    di: int
    machinery: int
    vision: int
    jobs: int

    @classmethod
    async def of(cls, server: Server, own: int) -> Self:
        """Raises ValueError where a node set is not loaded."""
        _remember_subtypes(server)
        uris = nodesets.DI, nodesets.MACHINERY, nodesets.VISION, nodesets.JOBS
        return cls(server, own, *[await server.get_namespace_index(uri) for uri in uris])

    def node(self, identifier: str) -> Node:
        """One of our nodes."""
        return self.server.get_node(ua.NodeId(identifier, self.own))

    async def add(
        self, parent: Node, identifier: str, name: ua.QualifiedName, of_type: ua.NodeId, *, optional: bool = False
    ) -> Node:
        """An instance with the mandatory children of its type: what we do not serve is not there.

        The children's ids are `<identifier>.<name>`; a numeric root would number them in the order of creation.
        """
        root = ua.NodeId(identifier, self.own)
        return await parent.add_object(root, name, objecttype=of_type, instantiate_optional=optional)

    async def add_in(self, parent: Node, identifier: str, name: ua.QualifiedName, of_type: ua.NodeId) -> Node:
        """An instance that is an add-in of its parent (OPC 10000-3, HasAddIn)."""
        node = await self.add(parent, identifier, name, of_type)
        await parent.delete_reference(node, ua.ObjectIds.HasComponent, forward=True, bidirectional=True)
        await parent.add_reference(node, ua.ObjectIds.HasAddIn)
        return node

    def serve(self, identifier: str, method: Method) -> None:
        """Let a method node be answered by `method(parent, *inputs)`; for inputs that it cannot read, by us."""

        async def answer(parent: ua.NodeId, *inputs: ua.Variant) -> Outputs:
            try:
                return await method(parent, *inputs)
            except (AttributeError, TypeError, ValueError):  # asyncua checks neither their number nor their types
                log.warning("%s cannot read its arguments", identifier, exc_info=True)
                return ua.StatusCode(ua.StatusCodes.BadInvalidArgument)

        self.server.link_method(self.node(identifier), answer)

    async def write(self, identifier: str, value: Any, kind: ua.VariantType) -> None:
        """Set one of our variables as of now."""
        now = datetime.now(UTC)
        await self.node(identifier).write_value(ua.DataValue(ua.Variant(value, kind), SourceTimestamp=now))

    async def enter(self, machine: str, name: str, state: ua.NodeId) -> None:
        """Let a state machine be in a state, given the node of that state in the machine's type."""
        await self.write(f"{machine}.CurrentState", ua.LocalizedText(name, "en"), ua.VariantType.LocalizedText)
        await self.write(f"{machine}.CurrentState.Id", state, ua.VariantType.NodeId)

    async def close(self, identifier: str) -> None:
        """A mandatory method that cannot be called here: it says so, and answers BadNotExecutable."""

        async def refuse(_parent: ua.NodeId, *_inputs: ua.Variant) -> Outputs:
            return ua.StatusCode(ua.StatusCodes.BadNotExecutable)

        no = ua.DataValue(ua.Variant(False, ua.VariantType.Boolean))
        for attribute in (ua.AttributeIds.Executable, ua.AttributeIds.UserExecutable):
            await self.node(identifier).write_attribute(attribute, no)
        self.serve(identifier, refuse)


def _remember_subtypes(server: Server) -> None:
    """Spare asyncua the walk through all reference types for every reference it looks at: from here on they stand."""
    views = server.iserver.view_service
    walk = views._get_sub_ref  # noqa: SLF001

    @functools.lru_cache(maxsize=1024)  # clients may ask for any number of types
    def remembered(reference: ua.NodeId) -> frozenset[ua.NodeId]:
        return frozenset(walk(reference))

    views._get_sub_ref = remembered  # noqa: SLF001


def int32(value: int) -> ua.Variant:
    """The Error of a Machine Vision method: 0 is none, negative ones are ours (`errors.py`)."""
    return ua.Variant(int(value), ua.VariantType.Int32)


def uint32(value: int) -> ua.Variant:
    """A count, or a handle."""
    return ua.Variant(value, ua.VariantType.UInt32)


def boolean(value: bool) -> ua.Variant:
    """A flag."""
    return ua.Variant(value, ua.VariantType.Boolean)


def structure(value: Any) -> ua.Variant:
    """A structure, or a list of them."""
    return ua.Variant(value, ua.VariantType.ExtensionObject)
