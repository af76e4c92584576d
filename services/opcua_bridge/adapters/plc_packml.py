"""A PLC that offers PackML's method Hold (OPC 30050): no number, no expiry in the PLC, so all that is up to us.

A call that is under way when the network freezes may still arrive late: nothing in the method lets a PLC notice.
Where that matters, use `VisIf`.
"""

from typing import ClassVar

from asyncua import ua

from services.contracts.plc import Plc
from services.opcua_bridge.adapters.plc_dialect import Claimer
from services.opcua_bridge.adapters.plc_tags import Kinds, Tags
from services.opcua_bridge.domain.handshake import ACCEPTED, REJECTED
from services.opcua_bridge.domain.line import PAUSED, PlcView
from services.opcua_bridge.domain.numbering import Claim
from services.opcua_bridge.ports import Command

_REFUSALS = {
    ua.StatusCodes.BadInvalidState,
    ua.StatusCodes.BadUserAccessDenied,
    ua.StatusCodes.BadNotExecutable,
    ua.StatusCodes.BadMethodInvalid,
    ua.StatusCodes.BadNotImplemented,
    ua.StatusCodes.BadNotSupported,
    ua.StatusCodes.BadArgumentsMissing,
}


class PackMl:
    """One call per request; what it brought is read back from the state."""

    kinds: ClassVar[Kinds] = {
        "StateCurrent": ua.VariantType.Int32,
        "RemotePauseEnabled": ua.VariantType.Boolean,
        "HbVis": ua.VariantType.UInt32,
        "HbPlc": ua.VariantType.UInt32,
    }
    once = True
    answers_claims = False

    def __init__(self, plc: Plc) -> None:
        self._states = plc.states
        self.watched = tuple(name for name in ("StateCurrent", "RemotePauseEnabled", "HbPlc") if name in plc.node_ids)
        self._claim = Claim()
        self._answer = (0, 0)

    async def open(self, _tags: Tags, claims: Claimer) -> None:
        """Nothing to tell the PLC; the claim numbers the receipts."""
        self._claim = await claims(0)
        self._answer = (0, 0)

    async def look(self, tags: Tags) -> PlcView:
        """The state, and how the last call was answered."""
        said = dict(zip(self.watched, await tags.read(*self.watched), strict=True))
        state, permit = self._states.get(said["StateCurrent"], 0), said.get("RemotePauseEnabled", True)
        return PlcView(True, *self._answer, state, permit, said.get("HbPlc", 0), self._claim)

    async def hold(self, tags: Tags, command: Command) -> None:
        """Call Hold; a refusal in a machine that holds already is none (OPC 30050: BadInvalidState)."""
        try:
            await tags.call("Object", "Hold")
            self._answer = (command.id, ACCEPTED)
        except ua.UaStatusCodeError as error:
            if error.code not in _REFUSALS:
                raise
            [state] = await tags.read("StateCurrent")
            self._answer = (command.id, ACCEPTED if self._states.get(state, 0) in PAUSED else REJECTED)

    async def let_go(self, _tags: Tags) -> None:
        """Nothing to undo: a call is an event."""
