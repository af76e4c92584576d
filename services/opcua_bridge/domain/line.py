"""A line as the bridge sees it: its PLC's answers, and pause requests for it."""

from dataclasses import dataclass

from services.opcua_bridge.domain.numbering import NO_CLAIM, Claim

EXECUTE, HOLDING, HELD, UNHOLDING = 6, 10, 11, 12  # OPC 30050 StateNumber = PackTag Status.StateCurrent (TR88)
PAUSED = frozenset({HOLDING, HELD, UNHOLDING})


@dataclass(frozen=True)
class LineName:
    """A line with its site."""

    site: str
    line: str

    def __str__(self) -> str:
        return f"{self.site}/{self.line}"


@dataclass(frozen=True)
class StationName:
    """A station on its line."""

    line: LineName
    station: str

    def __str__(self) -> str:
        return f"{self.line}/{self.station}"


@dataclass(frozen=True)
class PlcView:
    """What the PLC said in one read. Without a link nothing is known, and nothing of an earlier link counts."""

    link_up: bool = False
    ack_id: int = 0
    ack_code: int = 0
    state: int = 0
    """TR88, whatever numbers the PLC has; 0: none that we know."""
    remote_pause_enabled: bool = False
    heartbeat: int = 0
    claim: Claim = NO_CLAIM
    """What this session signs its commands with."""
    detail: str = ""
    """Why the link is down: one sentence for the controls engineer."""


NO_LINK = PlcView()


@dataclass(frozen=True)
class PauseRequest:
    """A rule wants this line held. After `expires_at_s` nobody may execute it: by the broker's clock (B13)."""

    request_id: str
    episode_id: str
    station: StationName
    """Where the pause is shown: the station that asks or, on the other lines of its pause group, their first one."""
    text: str
    first_part: int
    last_part: int
    expires_at_s: float
    sequence: int
    """Of the request in its stream: from it comes the command's number."""
    asked_by: StationName
    rule_id: str = ""
    defect_label: str = ""
    born: float = 0.0
    """When that stream was made, in seconds of the epoch."""
