"""Events that asyncua's server puts on the wire complete, and fast enough for 200 results a second.

Its own generator types a field by the type's default value, which is null, so that the field goes out as null; and it
copies every structure for every client.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from asyncua import Server, ua
from asyncua.common.node import Node


@dataclass
class _Event:
    """What asyncua's subscriptions ask of an event; read only, hence shared by all of them."""

    EventType: ua.NodeId  # asyncua looks the attributes up under the fields' own names
    emitting_node: ua.NodeId
    fields: dict[str, ua.Variant] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["fields"][name].Value
        except KeyError:
            raise AttributeError(name) from None

    def to_event_fields(self, clauses: list[ua.SimpleAttributeOperand]) -> list[ua.Variant]:
        """The wanted fields in their order; what the event does not have is null."""
        return [self.fields.get("/".join(part.Name for part in clause.BrowsePath), _NULL) for clause in clauses]


_NULL = ua.Variant(None)


class Emitter:
    """Raises events at an object and at the Server object: asyncua does not carry them upwards itself."""

    def __init__(self, server: Server, source: Node, name: str) -> None:
        self._server, self._source, self._name = server, source, name

    async def open(self) -> None:
        """Let clients subscribe at the object, and find it from the Server object."""
        await self._source.set_event_notifier([ua.EventNotifier.SubscribeToEvents])
        await self._server.nodes.server.add_reference(self._source, ua.ObjectIds.HasNotifier)

    async def prepare(self, *types: ua.NodeId) -> None:
        """Let clients see which types of events they may expect here."""
        for of_type in types:
            await self._source.add_reference(of_type, ua.ObjectIds.GeneratesEvent)

    async def emit(self, of_type: ua.NodeId, message: str, severity: int, at: float, **fields: ua.Variant) -> None:
        """Raise one event that happened at `at` (seconds of the epoch); severity 1 to 1000."""
        now = datetime.now(UTC)
        when = datetime.fromtimestamp(at, UTC)
        common = {
            "EventId": ua.Variant(uuid.uuid4().bytes, ua.VariantType.ByteString),
            "EventType": ua.Variant(of_type, ua.VariantType.NodeId),
            "SourceNode": ua.Variant(self._source.nodeid, ua.VariantType.NodeId),
            "SourceName": ua.Variant(self._name, ua.VariantType.String),
            "Time": ua.Variant(when, ua.VariantType.DateTime),
            "ReceiveTime": ua.Variant(now, ua.VariantType.DateTime),
            "Message": ua.Variant(ua.LocalizedText(message), ua.VariantType.LocalizedText),
            "Severity": ua.Variant(severity, ua.VariantType.UInt16),
        }
        for node in (self._source.nodeid, self._server.nodes.server.nodeid):
            event = _Event(of_type, node, common | fields)
            await self._server.iserver.subscription_service.trigger_event(event)
