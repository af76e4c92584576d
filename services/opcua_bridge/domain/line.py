"""A line as the bridge sees it: its PLC's answers, pause requests for it, and the episodes that hold it."""

from dataclasses import dataclass

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
    remote_pause_enabled: bool = False
    heartbeat: int = 0


NO_LINK = PlcView()


@dataclass(frozen=True)
class PauseRequest:
    """A rule wants this line held. `expires_at` is in seconds of the epoch: after it nobody may execute it."""

    request_id: str
    episode_id: str
    station: StationName
    text: str
    first_part: int
    last_part: int
    expires_at: float


@dataclass(frozen=True)
class Episode:
    """An incident for which we asked for a pause."""

    station: StationName
    episode_id: str


NEVER = float("-inf")


class OpenEpisodes:
    """Episodes that may be holding a line, folded from receipts and resumptions in the order of their stream."""

    def __init__(self) -> None:
        self._unproved_since: dict[Episode, float] = {}

    def settled(self, episode: Episode, *, confirmed: bool, sent_at: float | None) -> None:
        """A request ended. Unconfirmed but written at `sent_at`, it may still have taken effect; else it had none."""
        if confirmed:
            self._unproved_since[episode] = NEVER
        elif sent_at is not None:
            self._unproved_since.setdefault(episode, sent_at)

    def resumed(self, episode: Episode) -> None:
        """The line runs again: the episode is over."""
        self._unproved_since.pop(episode, None)

    def ended_by_running(self, line: LineName, last_paused_at: float) -> list[Episode]:
        """The open episodes that are over when `line` is found in Execute.

        A confirmed pause was seen Held, so Execute means that somebody resumed. For another one that is only sure if
        we saw the line paused after we had asked for it; `last_paused_at` is when we last did, or NEVER.
        """
        open_here = ((e, since) for e, since in self._unproved_since.items() if e.station.line == line)
        return [episode for episode, since in open_here if since <= last_paused_at]
