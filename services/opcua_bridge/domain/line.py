"""A line as the bridge sees it: its PLC's answers, pause requests for it, and the episodes that hold it."""

from collections.abc import Iterator
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


class OpenEpisodes:
    """Episodes that may be holding a line, folded from receipts and resumptions in the order of their stream."""

    def __init__(self) -> None:
        self._confirmed: dict[Episode, bool] = {}

    def settled(self, episode: Episode, *, confirmed: bool, written: bool) -> None:
        """A request ended. Unconfirmed but written, it may still have taken effect; a refused one had none."""
        if confirmed or written:
            self._confirmed[episode] = confirmed or self._confirmed.get(episode, False)

    def resumed(self, episode: Episode) -> None:
        """The line runs again: the episode is over."""
        self._confirmed.pop(episode, None)

    def ended_by_running(self, line: LineName, *, was_paused: bool) -> list[Episode]:
        """The open episodes that are over when `line` is found in Execute.

        A confirmed pause was seen Held, so Execute means that somebody resumed. For one that was not confirmed that
        is only sure when the line `was_paused` before our eyes.
        """
        return [e for e, confirmed in self._of(line) if confirmed or was_paused]

    def _of(self, line: LineName) -> Iterator[tuple[Episode, bool]]:
        return ((e, confirmed) for e, confirmed in self._confirmed.items() if e.station.line == line)
