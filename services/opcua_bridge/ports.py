"""What the handlers need: a PLC to ask, a broker to tell, SCADA to show, and the memory of episodes."""

from dataclasses import dataclass
from typing import Protocol

from services.opcua_bridge.domain.episodes import Episode
from services.opcua_bridge.domain.handshake import Handshake, State
from services.opcua_bridge.domain.line import LineName, PauseRequest, PlcView, StationName


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

    async def changed(self, timeout_s: float, since: PlcView) -> None:
        """Return when `view` is not the view `since` any more, at the latest after `timeout_s`.

        It may have changed while its reader was busy with it: who does not say what he saw last sleeps over that.
        """

    async def hold(self, command: Command) -> None:
        """Ask for Hold. Raises PlcUnreachableError within the operation time-out."""

    async def claim_anew(self) -> None:
        """Begin a new session, whose numbers count the stream as it is now."""

    async def let_go(self) -> None:
        """Take back what still asks, where that is a state and not an event. A link that is down does it on return."""


@dataclass(frozen=True)
class Progress:
    """A transition of a handshake: what became of a request, and when, in seconds of the epoch."""

    state: State
    command: int
    attempts: int
    detail: str
    at: float


class Facts(Protocol):
    """What the mesh is told; each raises Unavailable when the broker does not store it."""

    async def progressed(self, request: PauseRequest, progress: Progress) -> None: ...
    async def asked_before(self, request: PauseRequest) -> bool:
        """Whether an earlier life has told that it was about to say the command of this request."""

    async def settled(self, request: PauseRequest, end: Handshake, at: float) -> None: ...
    async def resumed(self, episode: Episode, at: float) -> None: ...
    async def line_changed(self, line: LineName, view: PlcView, at: float) -> None: ...
    async def comms_lost_since(self, line: LineName) -> float | None:
        """Since when the alarm stands that was told last; None: none does."""

    async def comms_alarm(self, line: LineName, since: float, detail: str, at: float, *, active: bool) -> None: ...


class Episodes(Protocol):
    """Which incidents hold a line and which are over; survives a restart, because it is read from the streams."""

    async def ended_by_running(self, line: LineName, last_paused_at: float) -> list[Episode]:
        """The open episodes that are over when the line runs. Raises Unavailable when that is not known for sure."""

    def overtaken(self, request: PauseRequest) -> str:
        """Why the request must not be executed any more; empty: it may."""


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
    captured_at: float = 0.0
    product: str = ""
    recipe: str = ""
    recipe_version: int = 0
    rule_set_version: int = 0
    model_digest: str = ""
    reasons: tuple[str, ...] = ()
    camera_skew_s: float = 0.0
    """The camera's clock less the broker's; 0 where nobody can know."""
    late: bool = False


class Board(Protocol):
    """What SCADA sees."""

    async def show_line(self, line: LineName, view: PlcView, at: float) -> None: ...
    async def show_pause(self, request: PauseRequest, state: str, at: float, command: int = 0) -> None:
        """How far the handshake has come; `command` is its id at the PLC, once it has one."""

    async def show_running(self, line: LineName, at: float) -> None: ...
    async def show_verdict(self, verdict: ShownVerdict) -> None: ...
    async def show_silent(self, station: StationName) -> None:
        """Parts pass and no verdict comes: until the next verdict."""
