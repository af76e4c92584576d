"""Switches for what a PLC in the field may do to us; a real one has no such object."""

import asyncio
from dataclasses import dataclass, field

from asyncua import ua

SCAN_MS = 20
SWITCHES = {
    "Reject": ua.VariantType.Boolean,
    "ScanMs": ua.VariantType.UInt32,
    "Freeze": ua.VariantType.Boolean,
    "WrongState": ua.VariantType.Int32,
}
METHOD = "Restart"


@dataclass
class Faults:
    """What is wrong at the moment."""

    reject: bool = False
    """Every command is refused."""
    scan_ms: int = SCAN_MS
    """A slow program: one cycle takes so long."""
    freeze: bool = False
    """The program stands still, heartbeat and all, while the OPC UA server goes on answering."""
    wrong_state: int = 0
    """StateCurrent shows this number, whatever the machine does; 0: the truth."""
    off_s: float | None = None
    """The power goes off now, for so long."""
    _power: asyncio.Event = field(default_factory=asyncio.Event)

    def turn_off(self, off_s: float) -> None:
        """Pull the plug."""
        self.off_s = off_s
        self._power.set()

    async def power_cut(self) -> float:
        """Wait for it; how long it lasts, in seconds. Afterwards all is well again."""
        await self._power.wait()
        self._power.clear()
        off_s = self.off_s or 0.0
        self.reject, self.scan_ms, self.freeze, self.wrong_state, self.off_s = False, SCAN_MS, False, 0, None
        return off_s

    def first_values(self) -> dict[str, bool | int]:
        """What the switches show at the beginning."""
        return dict(zip(SWITCHES, (self.reject, self.scan_ms, self.freeze, self.wrong_state), strict=True))

    def set(self, switches: dict[str, bool | int]) -> None:
        """What a tester has switched."""
        self.reject, self.freeze = bool(switches["Reject"]), bool(switches["Freeze"])
        self.scan_ms, self.wrong_state = max(1, int(switches["ScanMs"])), int(switches["WrongState"])
