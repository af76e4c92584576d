"""What verdicts tell of clocks: a camera whose clock is off, and parts that come late, as alarms of their line."""

from collections import defaultdict
from dataclasses import dataclass

from services.opcua_bridge.domain.line import LineName, StationName

CAMERA_CLOCK, LATE_PARTS = "camera-clock", "late-parts"
_OFF_S = 1.0
_RAISE_AFTER, _CLEAR_AFTER = 3, 10  # parts in a row: one that was long on its way is no alarm
_CLEAR_AFTER_S = 300.0
_LATE = "parts from {} come late: the camera kept them, or its clock is behind and it does not say when it sends"


@dataclass
class _Watched:
    """One thing that may be wrong at one station."""

    bad: int = 0
    good: int = 0
    bad_at_s: float = 0.0
    sentence: str = ""

    def take(self, at_s: float, wrong: str) -> None:
        """What is wrong with one more part; empty: nothing. The sentence stays as long as the alarm."""
        if wrong:
            self.bad, self.good, self.bad_at_s = self.bad + 1, 0, at_s
            if self.bad >= _RAISE_AFTER:
                self.sentence = self.sentence or wrong
        else:
            self.bad, self.good = 0, self.good + 1
            if self.good >= _CLEAR_AFTER:
                self.sentence = ""

    def stands(self, now_s: float) -> str:
        """The sentence; empty: all is well, or nothing bad has come for some minutes."""
        if now_s - self.bad_at_s > _CLEAR_AFTER_S:
            self.bad, self.sentence = 0, ""
        return self.sentence


class PartTimes:
    """Folds the times of parts, station by station."""

    def __init__(self) -> None:
        self._watched: dict[tuple[str, StationName], _Watched] = defaultdict(_Watched)

    def take(self, station: StationName, camera_skew_s: float, at_s: float, *, late: bool) -> None:
        """One part, judged at `at_s`: how far its camera's clock is ahead of the broker's, and whether it came late."""
        name, way = station.station, "ahead" if camera_skew_s > 0 else "behind"
        off = f"the clock of the camera at {name} is {abs(camera_skew_s):.0f} s {way}: set it (NTP)"
        self._watched[CAMERA_CLOCK, station].take(at_s, off if abs(camera_skew_s) > _OFF_S else "")
        self._watched[LATE_PARTS, station].take(at_s, _LATE.format(name) if late else "")

    def sentence(self, line: LineName, kind: str, now_s: float) -> str:
        """What stands at a line, all its stations in one; empty: nothing."""
        here = {at.station: each for (what, at), each in self._watched.items() if (what, at.line) == (kind, line)}
        return "; ".join(said for name in sorted(here) if (said := here[name].stands(now_s)))
