"""What a vision system's state machines pass through, as events of OPC 40100-1 (8.2.9), and as SEMI E10 state."""

import time
from typing import Any, NamedTuple

from asyncua import ua

from services.opcua_bridge.adapters.scada.events import Emitter
from services.opcua_bridge.adapters.scada.space import Space
from services.opcua_bridge.domain.vision import VisionState

_CHANGED, _ERROR, _RESOLVED = 1018, 1019, 1020
_NORMAL, _SEVERE = 100, 800


class State(NamedTuple):
    """A state's name, and its node in the machine's type."""

    name: str
    node: int


PREOPERATIONAL, ERROR, OPERATIONAL = State("Preoperational", 5028), State("Error", 5030), State("Operational", 5031)
READY, CONTINUOUS = State("Ready", 5057), State("ContinuousExecution", 5059)
MACHINE = {VisionState.PREOPERATIONAL: PREOPERATIONAL, VisionState.ERROR: ERROR}
"""States of the outer machine that are not Operational."""
MODE = {VisionState.READY: READY, VisionState.CONTINUOUS: CONTINUOUS}
"""States of AutomaticMode, within Operational."""
_TRANSITIONS = {
    (PREOPERATIONAL, OPERATIONAL): State("PreoperationalToOperationalAuto", 5254),
    (PREOPERATIONAL, ERROR): State("PreoperationalToErrorAuto", 5034),
    (OPERATIONAL, ERROR): State("OperationalToErrorAuto", 5051),
    (ERROR, OPERATIONAL): State("ErrorToOperationalAuto", 5255),
    (READY, CONTINUOUS): State("ReadyToContinuousExecutionAuto", 5067),
    (CONTINUOUS, READY): State("ContinuousExecutionToReadyAuto", 5073),
}
_E10 = {  # members of SystemStateDataType (12.21)
    VisionState.PREOPERATIONAL: 6,  # non-scheduled time
    VisionState.ERROR: 5,  # unscheduled downtime
    VisionState.READY: 2,  # stand by
    VisionState.CONTINUOUS: 1,  # production
}


class Transitions:
    """The events of one vision system, and its SystemState."""

    def __init__(self, space: Space, identifier: str, name: str, events: Emitter) -> None:
        self._space, self._id, self._name, self._events = space, identifier, name, events

    async def open(self) -> None:
        """Create SystemState, and let clients find the events."""
        vision = self._space.vision
        node, name = ua.NodeId(f"{self._id}.SystemState", self._space.own), ua.QualifiedName("SystemState", vision)
        first = ua.Variant(_e10(VisionState.PREOPERATIONAL), ua.VariantType.ExtensionObject)
        of_type = ua.SystemStateDescriptionDataType.data_type
        await self._space.node(self._id).add_variable(node, name, first, datatype=of_type)
        await self._events.prepare(*(ua.NodeId(kind, vision) for kind in (_CHANGED, _ERROR, _RESOLVED)))

    async def tell(self, before: VisionState, after: VisionState, why: str) -> None:
        """The system went from one state to another; a transition within Operational is AutomaticMode's."""
        await self._space.write(f"{self._id}.SystemState", _e10(after), ua.VariantType.ExtensionObject)
        old, new = MACHINE.get(before, OPERATIONAL), MACHINE.get(after, OPERATIONAL)
        if old is new:
            old, new = MODE[before], MODE[after]
        said = f"{self._name}: {why}" if why else f"{self._name}: {new.name}"
        kinds = [_CHANGED] + [_ERROR] * (new is ERROR) + [_RESOLVED] * (old is ERROR)
        severity = _SEVERE if new is ERROR else _NORMAL
        fields = self._fields(old, new)
        for kind in kinds:
            of_type = ua.NodeId(kind, self._space.vision)
            await self._events.emit(of_type, said, severity, time.time(), **fields)

    def _fields(self, old: State, new: State) -> dict[str, ua.Variant]:
        said = {"Transition": _TRANSITIONS[old, new], "FromState": old, "ToState": new}
        names = {field: ua.Variant(ua.LocalizedText(one.name, "en")) for field, one in said.items()}
        ids = {f"{field}/Id": ua.Variant(ua.NodeId(one.node, self._space.vision)) for field, one in said.items()}
        return names | ids


def _e10(state: VisionState) -> Any:
    return ua.SystemStateDescriptionDataType(State=ua.SystemStateDataType(_E10[state]))
