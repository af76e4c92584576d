"""What a PLC programmer puts in front of the machine, as deploy/plc/FB_VisIf.st does: one call of `scan` per cycle.

Two simpler ways to be asked stand beside the handshake: PackML's method Hold, and a Boolean.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from asyncua import ua

from tools.simulators.plc_machine import HEARTBEAT_S, HELD, WORD, Machine

CMD_HOLD = 4  # PackTag Command.CntrlCmd
ACCEPTED, DONE, REJECTED, EXPIRED = 1, 2, 3, 4
Kinds = Mapping[str, ua.VariantType]
Values = Mapping[str, Any]
_EPOCHS, _NUMBERS = 1 << 8, 1 << 24
_BEATS: Kinds = {"HbVis": ua.VariantType.UInt32}


class Program(Protocol):
    """One way to be asked: the tags that it shows under `block`, those of them that clients write, and its methods."""

    block: ClassVar[str]
    written: ClassVar[Kinds]
    shown: ClassVar[Kinds]
    machine: Machine
    rejecting: bool

    def scan(self, now: float, given: Values) -> None: ...
    def values(self) -> Values: ...
    def methods(self) -> Mapping[str, Callable[[float], bool]]:
        """Each answers False for BadInvalidState."""


@dataclass
class Request:
    """The tags that carry a command; `id` is the commit."""

    id: int = 0
    cmd: int = 0
    ttl_ms: int = 0
    fresh: int = 0


class VisIf:
    """The handshake block: rules 1 to 4 of services/opcua_bridge/domain/numbering.py."""

    block: ClassVar[str] = "VisIf"
    written: ClassVar[Kinds] = {
        "ReqCmdId": ua.VariantType.UInt32,  # read before its payload, as it was written behind it
        "ReqCmd": ua.VariantType.Int16,
        "ReqReason": ua.VariantType.Int32,
        "ReqText": ua.VariantType.String,
        "ReqTtlMs": ua.VariantType.UInt32,
        "ReqFresh": ua.VariantType.UInt32,
        "FailPolicy": ua.VariantType.Int16,
        "LinkDeadMs": ua.VariantType.UInt32,
        **_BEATS,
    }
    shown: ClassVar[Kinds] = {
        "AckCode": ua.VariantType.Int16,
        "AckCmdId": ua.VariantType.UInt32,  # behind AckCode: the commit
        "StateCurrent": ua.VariantType.Int32,
        "Executed": ua.VariantType.UInt32,
        "WatchdogHolds": ua.VariantType.UInt32,
        "RemotePauseEnabled": ua.VariantType.Boolean,
        "LinkAlarm": ua.VariantType.Boolean,
        "HbPlc": ua.VariantType.UInt32,
    }

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.rejecting = False

    def scan(self, now: float, given: Values) -> None:
        """One cycle: obey at most one new request, move the machine, beat, watch the link."""
        memory = self.machine.memory
        self.machine.beat(now)
        if given["FailPolicy"]:
            memory.fail_policy = given["FailPolicy"]
        if given["LinkDeadMs"]:
            memory.link_dead_ms = given["LinkDeadMs"]
        self.hear(now, Request(given["ReqCmdId"], given["ReqCmd"], given["ReqTtlMs"], given["ReqFresh"]))
        self.machine.move(now)
        if memory.state == HELD and memory.ack_code == ACCEPTED:
            memory.ack_code = DONE  # in the scan that enters Held: an operator may be quick
        self.machine.watch(now, given["HbVis"])

    def hear(self, now: float, request: Request) -> None:
        """Answer a request that is new; re-acknowledge one that a newer session repeats; ignore the rest."""
        memory = self.machine.memory
        if request.id in (0, memory.last_id):
            return
        epochs = ((request.id >> 24) - (memory.last_id >> 24)) % _EPOCHS
        numbers = (request.id - memory.last_id) % _NUMBERS
        if memory.last_id and (epochs >= _EPOCHS // 2 or numbers >= _NUMBERS // 2):
            return
        if memory.last_id == 0 or numbers:
            memory.ack_code = self._answer(now, request)
        memory.last_id = memory.ack_id = request.id

    def values(self) -> Values:
        memory = self.machine.memory
        return {
            "AckCode": memory.ack_code,
            "AckCmdId": memory.ack_id,
            "StateCurrent": memory.state,
            "Executed": memory.executed,
            "WatchdogHolds": memory.watchdog_holds,
            "RemotePauseEnabled": memory.remote_pause_enabled,
            "LinkAlarm": self.machine.link_alarm,
            "HbPlc": self.machine.heartbeat,
        }

    def methods(self) -> Mapping[str, Callable[[float], bool]]:
        return {}

    def _answer(self, now: float, request: Request) -> int:
        if request.cmd != CMD_HOLD:
            return REJECTED  # Unhold above all: an automatic restart is forbidden (ISO 14118)
        # Beats since it was written, in the PLC's OWN clock: the bridge echoed them, so no clocks need to agree.
        # It may be almost one beat older than that, so it expires one early, and never acts late.
        if (self.machine.heartbeat - request.fresh) & WORD >= request.ttl_ms // (HEARTBEAT_S * 1000):
            return EXPIRED
        if self.rejecting or not self.machine.memory.remote_pause_enabled:
            return REJECTED
        if self.machine.paused or self.machine.hold(now, request.id):
            return ACCEPTED
        return REJECTED


class _Simple:
    """What the two simpler ways have in common: no numbers, and heartbeats of their own."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.rejecting = False

    def _hold(self, now: float) -> bool:
        permitted = self.machine.memory.remote_pause_enabled and not self.rejecting
        return permitted and self.machine.hold(now)

    def _run(self, now: float, given: Values) -> None:
        self.machine.beat(now)
        self.machine.move(now)
        self.machine.watch(now, given["HbVis"])

    def _common(self) -> dict[str, Any]:
        memory = self.machine.memory
        return {
            "StateCurrent": memory.state,
            "RemotePauseEnabled": memory.remote_pause_enabled,
            "LinkAlarm": self.machine.link_alarm,
            "HbPlc": self.machine.heartbeat,
        }


_COMMON: Kinds = {name: VisIf.shown[name] for name in ("StateCurrent", "RemotePauseEnabled", "LinkAlarm", "HbPlc")}


class PackMl(_Simple):
    """OPC 30050: the method Hold, legal or BadInvalidState."""

    block: ClassVar[str] = "Packml"
    written: ClassVar[Kinds] = _BEATS
    shown: ClassVar[Kinds] = _COMMON

    def scan(self, now: float, given: Values) -> None:
        self._run(now, given)

    def values(self) -> Values:
        return self._common()

    def methods(self) -> Mapping[str, Callable[[float], bool]]:
        return {"Hold": self._hold}


class PauseTag(_Simple):
    """A Boolean: its rising edge holds; FALSE does nothing, least of all resume."""

    block: ClassVar[str] = "Tag"
    written: ClassVar[Kinds] = {"PauseRequest": ua.VariantType.Boolean, **_BEATS}
    shown: ClassVar[Kinds] = {"Paused": ua.VariantType.Boolean, **_COMMON}

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self._asked = False

    def scan(self, now: float, given: Values) -> None:
        asked, before = given["PauseRequest"], self._asked
        self._asked = asked
        if asked and not before:
            self._hold(now)
        self._run(now, given)

    def values(self) -> Values:
        return {"Paused": self.machine.memory.state == HELD, **self._common()}

    def methods(self) -> Mapping[str, Callable[[float], bool]]:
        return {}


PROGRAMS: dict[str, type[VisIf] | type[PackMl] | type[PauseTag]] = {"visif": VisIf, "packml": PackMl, "tag": PauseTag}
