"""A PLC with the `VisIf` block: numbered, expiring, acknowledged commands; domain/numbering.py is the contract."""

from asyncua import ua

from services.contracts.plc import FAIL_POLICIES, Plc
from services.opcua_bridge.adapters.plc_dialect import Claimer
from services.opcua_bridge.adapters.plc_session import LinkLostError
from services.opcua_bridge.adapters.plc_tags import Tags
from services.opcua_bridge.domain.line import PlcView
from services.opcua_bridge.domain.numbering import Claim, command_id, epoch_of, is_newer_epoch, number_of
from services.opcua_bridge.ports import Command

NO_COMMAND, HOLD = 0, 4  # PackTag Command.CntrlCmd
REPEATED_DEFECT = 1  # ReqReason: the only one there is
REQ_TEXT_CHARS = 80
_ANSWERS = {
    # AckCmdId first: the PLC writes it behind AckCode, so an id that is ours vouches for the code read after it.
    "AckCmdId": ua.VariantType.UInt32,
    "AckCode": ua.VariantType.Int16,
    "StateCurrent": ua.VariantType.Int32,
    "RemotePauseEnabled": ua.VariantType.Boolean,
    "HbPlc": ua.VariantType.UInt32,
}
_REQUESTS = {
    "FailPolicy": ua.VariantType.Int16,
    "LinkDeadMs": ua.VariantType.UInt32,
    "HbVis": ua.VariantType.UInt32,
    "ReqCmd": ua.VariantType.Int16,
    "ReqReason": ua.VariantType.Int32,
    "ReqText": ua.VariantType.String,
    "ReqTtlMs": ua.VariantType.UInt32,
    "ReqFresh": ua.VariantType.UInt32,
    "ReqCmdId": ua.VariantType.UInt32,
}


class VisIf:
    """Commands that may be repeated: the number says what was asked already."""

    kinds = _ANSWERS | _REQUESTS
    watched = tuple(_ANSWERS)
    once = False
    answers_claims = True

    def __init__(self, plc: Plc) -> None:
        self._plc = plc
        self._states = plc.states
        self._claim = Claim()
        self._heartbeat = 0

    async def open(self, tags: Tags, claims: Claimer) -> None:
        """Tell the PLC its fail policy, and that from now on this session commands it."""
        last_id, self._heartbeat = await tags.read("AckCmdId", "HbPlc")
        self._claim = await claims(last_id)
        policy, dead_ms = FAIL_POLICIES[self._plc.on_link_loss], int(self._plc.link_dead_s * 1000)
        await tags.write({"FailPolicy": policy, "LinkDeadMs": dead_ms})
        await self._say(tags, NO_COMMAND, "", 0.0)
        await tags.write({"ReqCmdId": command_id(self._claim.epoch, number_of(last_id))})

    async def look(self, tags: Tags) -> PlcView:
        """What one read said; the link counts as up when the PLC has taken our claim.

        Raises LinkLostError when a newer session has claimed it: if the duty is ours, the next claim is newer still.
        """
        ack_id, code, state, enabled, heartbeat = await tags.read(*self.watched)
        self._heartbeat = heartbeat
        if is_newer_epoch(epoch_of(ack_id), self._claim.epoch):
            raise LinkLostError("was claimed by another bridge: if that one has the duty, stop this one")
        ours = epoch_of(ack_id) == self._claim.epoch
        detail = "" if ours else "does not acknowledge our claim: call FB_VisIf, in its present form, in each cycle"
        return PlcView(ours, ack_id, code, self._states.get(state, 0), enabled, heartbeat, self._claim, detail)

    async def hold(self, tags: Tags, command: Command) -> None:
        """Payload in one call, then the id as the commit."""
        await self._say(tags, HOLD, command.text, command.ttl_s)
        await tags.write({"ReqCmdId": command.id})

    async def let_go(self, _tags: Tags) -> None:
        """Nothing to undo: a command that was not executed in time expires in the PLC."""

    async def _say(self, tags: Tags, command: int, text: str, ttl_s: float) -> None:
        payload: dict[str, int | str | bool] = {
            # First the last commit goes: a program that stood still must not see it beside this payload.
            "ReqCmdId": 0,
            "ReqCmd": command,
            "ReqReason": REPEATED_DEFECT,
            "ReqText": text[:REQ_TEXT_CHARS],
            "ReqTtlMs": max(1, int(ttl_s * 1000)),
            "ReqFresh": self._heartbeat,
        }
        await tags.write(payload)
