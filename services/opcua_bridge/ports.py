"""What the handlers need: a PLC to ask, a broker to tell, SCADA to show, and the memory of open episodes."""

from dataclasses import dataclass
from typing import Protocol

from services.opcua_bridge.domain.handshake import Handshake
from services.opcua_bridge.domain.line import Episode, LineName, PauseRequest, PlcView, StationName


class PlcUnreachableError(Exception):
    """A write brought no answer: whether it arrived is unknown."""


@dataclass(frozen=True)
class Command:
    """A pause command as the PLC gets it: text for the operator's panel, and for how long it may be executed."""

    id: int
    text: str
    ttl_s: float


class Plc(Protocol):
    """One line's PLC."""

    @property
    def view(self) -> PlcView: ...

    async def changed(self, timeout_s: float) -> None:
        """Return when `view` has become another one, at the latest after `timeout_s`."""

    async def hold(self, command: Command) -> None:
        """Write a Hold command. Raises PlcUnreachableError within the operation time-out."""


class Facts(Protocol):
    """What the mesh is told; each raises Unavailable when the broker does not store it."""

    async def settled(self, request: PauseRequest, end: Handshake, at: float) -> None: ...
    async def resumed(self, episode: Episode, at: float) -> None: ...
    async def line_changed(self, line: LineName, view: PlcView, at: float) -> None: ...


class Episodes(Protocol):
    """Which episodes may be holding a line; survives a restart, because it is read from the stream."""

    async def ended_by_running(self, line: LineName, last_paused_at: float) -> list[Episode]:
        """The open episodes that are over when the line runs. Raises Unavailable when that is not known for sure."""


@dataclass(frozen=True)
class ShownVerdict:
    """A verdict as SCADA shows it; `judged_at` in seconds of the epoch."""

    station: StationName
    outcome: str
    label: str
    score: float
    part_id: str
    inspection_id: str
    judged_at: float


class Board(Protocol):
    """What SCADA sees."""

    async def show_line(self, line: LineName, view: PlcView, at: float) -> None: ...
    async def show_pause(self, request: PauseRequest, state: str, at: float) -> None: ...
    async def show_running(self, line: LineName, at: float) -> None: ...
    async def show_verdict(self, verdict: ShownVerdict) -> None: ...
