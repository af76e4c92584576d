"""Which incidents hold a line, and which requests have been overtaken by events."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

from services.opcua_bridge.domain.line import LineName, PauseRequest, StationName

NEVER = float("-inf")
K = TypeVar("K")


@dataclass(frozen=True)
class Episode:
    """An incident for which we asked for a pause."""

    station: StationName
    episode_id: str


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


class Overtaking:
    """What makes a request that still waits pointless: its episode is over, or its rule has asked again since."""

    _REMEMBERED = 1_000

    def __init__(self) -> None:
        self._newest: dict[tuple[StationName, str, str], tuple[float, int]] = {}
        self._resumed: OrderedDict[tuple[LineName, str], None] = OrderedDict()
        self._closed: OrderedDict[str, None] = OrderedDict()

    def asked(self, station: StationName, rule_id: str, label: str, sequence: int, born: float = 0.0) -> None:
        """A rule of a station asked because of a defect class, at this sequence of the stream that was made then."""
        key = station, rule_id, label
        before, newest = self._newest.get(key, (born, 0))
        # Of two streams only the one that is read now counts: the other one's sequences say nothing (R3).
        self._newest[key] = born, max(sequence, newest) if born == before else sequence

    def resumed(self, line: LineName, episode_id: str) -> None:
        """An operator let a line run again that the episode had held."""
        _remember(self._resumed, (line, episode_id), self._REMEMBERED)

    def closed(self, episode_id: str) -> None:
        """A person said that the incident is over."""
        _remember(self._closed, episode_id, self._REMEMBERED)

    def why(self, request: PauseRequest) -> str:
        """Why the request must not be executed any more; empty: it may."""
        if request.episode_id in self._closed:
            return "superseded: the incident has been closed"
        if any((station.line, request.episode_id) in self._resumed for station in (request.station, request.asked_by)):
            return "superseded: the line has been resumed since"
        key = request.asked_by, request.rule_id, request.defect_label
        born, newest = self._newest.get(key, (request.born, 0))
        if request.rule_id and born == request.born and newest > request.sequence:
            return "superseded: the rule has asked again since"
        return ""


def _remember(known: OrderedDict[K, None], key: K, most: int) -> None:
    known[key] = None
    while len(known) > most:
        known.popitem(last=False)
