"""What is said under which topic. Times are seconds of the epoch; payloads become JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

# OPC 30050 StateNumber = PackTag Status.StateCurrent (TR88)
_PACKML = dict(
    enumerate(
        (
            "Undefined",
            "Clearing",
            "Stopped",
            "Starting",
            "Idle",
            "Suspended",
            "Execute",
            "Stopping",
            "Aborting",
            "Aborted",
            "Holding",
            "Held",
            "Unholding",
            "Suspending",
            "Unsuspending",
            "Resetting",
            "Completing",
            "Complete",
        )
    )
)
SCHEMA = 1


@dataclass(frozen=True)
class Publication:
    """One message for MQTT. A retained one is the topic's state; another is an event."""

    topic: str
    said: Mapping[str, object]
    at: float
    retained: bool

    @property
    def payload(self) -> Mapping[str, object]:
        """What becomes JSON."""
        ts = datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"v": SCHEMA, "ts": ts, **self.said}


class Topics:
    """ISA-95 first: `<root>/<enterprise>/<site>/<area>/<line>/[<station>/]vision/<what>`."""

    def __init__(self, root: str, equipment: Mapping[tuple[str, str], str]) -> None:
        """`equipment` gives the ISA-95 path of a (site, line)."""
        self._root, self._equipment = root, equipment

    @property
    def online(self) -> str:
        """Whether this mirror lives."""
        return f"{self._root}/vision/online"

    def of_line(self, site: str, line: str, what: str) -> str:
        """A topic of a line. Raises KeyError for one that the plant file does not know."""
        return f"{self._root}/{self._equipment[site, line]}/vision/{what}"

    def of_station(self, site: str, line: str, station: str, what: str) -> str:
        """A topic of a station. Raises KeyError as above."""
        return f"{self._root}/{self._equipment[site, line]}/{station}/vision/{what}"


def event(topic: str, at: float, **said: object) -> Publication:
    """Something that happened."""
    return Publication(topic, said, at, retained=False)


def state(topic: str, at: float, **said: object) -> Publication:
    """How something is, until it is said otherwise."""
    return Publication(topic, said, at, retained=True)


def packml_name(number: int) -> str:
    """The state's name in PackML; a number of another state map keeps its number."""
    return _PACKML.get(number, f"State{number}")
