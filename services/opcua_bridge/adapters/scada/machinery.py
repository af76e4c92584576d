"""What every machine says of itself (OPC 40001-1): who made it, and whether it works."""

from asyncua import ua
from asyncua.common.node import Node

from services.opcua_bridge.adapters.scada.space import Space
from services.opcua_bridge.domain.vision import VisionState

_IDENTIFICATION, _ITEM_STATE, _MACHINES = 1012, 1002, 1001
_STATES = {
    VisionState.PREOPERATIONAL: ("NotAvailable", 5005),
    VisionState.ERROR: ("OutOfService", 5004),
    VisionState.READY: ("NotExecuting", 5007),
    VisionState.CONTINUOUS: ("Executing", 5006),
}


def machines(space: Space) -> Node:
    """The folder in which clients look for machines."""
    return space.server.get_node(ua.NodeId(_MACHINES, space.machinery))


class MachineryItem:
    """The building blocks of one station."""

    def __init__(self, space: Space, identifier: str) -> None:
        self._space, self._id = space, identifier

    async def open(self, system: Node, serial_number: str) -> None:
        """Create Identification and MachineryItemState; they never change but for the state."""
        space = self._space
        plate, state = f"{self._id}.Identification", f"{self._id}.MachineryItemState"
        name = ua.QualifiedName("Identification", space.di)
        await space.add_in(system, plate, name, ua.NodeId(_IDENTIFICATION, space.machinery))
        maker = ua.LocalizedText("Jidoka", "en")
        await space.write(f"{plate}.Manufacturer", maker, ua.VariantType.LocalizedText)
        await space.write(f"{plate}.SerialNumber", serial_number, ua.VariantType.String)
        uri = f"urn:jidoka:vision:{serial_number.replace('/', ':')}"
        await space.write(f"{plate}.ProductInstanceUri", uri, ua.VariantType.String)
        name = ua.QualifiedName("MachineryItemState", space.machinery)
        await space.add_in(system, state, name, ua.NodeId(_ITEM_STATE, space.machinery))
        await self.enter(VisionState.PREOPERATIONAL)

    async def enter(self, state: VisionState) -> None:
        """The item's state that says the same as the vision system's."""
        name, node = _STATES[state]
        await self._space.enter(f"{self._id}.MachineryItemState", name, ua.NodeId(node, self._space.machinery))
