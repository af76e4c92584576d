"""The simplest PLC: a Boolean that is TRUE while we ask, and one that says whether the machine is paused.

The PLC pauses at the end of the cycle in which it sees TRUE, and stays paused until an operator resumes it there: FALSE
never resumes. We write FALSE when a session begins (what a dead bridge left behind is taken back), when the machine is
seen paused, and when the request expires, so that nothing happens late.
"""

from typing import ClassVar

from asyncua import ua

from services.contracts.plc import Plc
from services.opcua_bridge.adapters.plc_dialect import Claimer
from services.opcua_bridge.adapters.plc_tags import Kinds, Tags
from services.opcua_bridge.domain.line import EXECUTE, HELD, PlcView
from services.opcua_bridge.domain.numbering import Claim
from services.opcua_bridge.ports import Command


class PauseTag:
    """Level, not event: taken back when it is over."""

    kinds: ClassVar[Kinds] = {
        "PauseRequest": ua.VariantType.Boolean,
        "Paused": ua.VariantType.Boolean,
        "StateCurrent": ua.VariantType.Int32,
        "RemotePauseEnabled": ua.VariantType.Boolean,
        "HbVis": ua.VariantType.UInt32,
        "HbPlc": ua.VariantType.UInt32,
    }
    once = True
    answers_claims = False

    def __init__(self, plc: Plc) -> None:
        self._states = plc.states
        names = ("Paused", "StateCurrent", "RemotePauseEnabled", "HbPlc")
        self.watched = tuple(name for name in names if name in plc.node_ids)
        self._claim = Claim()
        self._asking = False

    async def open(self, tags: Tags, claims: Claimer) -> None:
        """Take back what an earlier session may have asked; the claim numbers the receipts."""
        self._claim = await claims(0)
        await tags.write({"PauseRequest": False})
        self._asking = False

    async def look(self, tags: Tags) -> PlcView:
        """Paused counts as Held; otherwise the state, where there is one."""
        said = dict(zip(self.watched, await tags.read(*self.watched), strict=True))
        state = self._states.get(said["StateCurrent"], 0) if "StateCurrent" in said else EXECUTE
        state = HELD if said["Paused"] else state
        permit = said.get("RemotePauseEnabled", True)
        return PlcView(True, 0, 0, state, permit, said.get("HbPlc", 0), self._claim)

    async def hold(self, tags: Tags, _command: Command) -> None:
        """Ask."""
        self._asking = True
        await tags.write({"PauseRequest": True})

    async def let_go(self, tags: Tags) -> None:
        """Ask no more."""
        if self._asking:
            await tags.write({"PauseRequest": False})
            self._asking = False
