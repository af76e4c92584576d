"""What has been judged of late, kept for the moment when somebody asks what the defects have in common."""

from collections import deque
from dataclasses import replace

from services.postprocessing.domain.attribution.cause import Cause, Search, Spot, Traced
from services.postprocessing.domain.attribution.search import attribute


class Trail:
    """The newest judged parts of each station of a line, no further back than `reach` facts of the stream.

    That bound makes the answer a function of the stream: whoever reads it again from `reach` facts before the question
    finds the same causes. Centres of defects come in px, and are compared as shares of the area in which defects were.
    """

    def __init__(self, search: Search | None = None, reach: int = 10_000) -> None:
        self.reach = reach
        self._search = search or Search()
        self._parts: dict[str, deque[tuple[int, Traced]]] = {}

    def add(self, station: str, sequence: int, part: Traced) -> None:
        """A part that was judged PASS or FAIL, at its place in the stream."""
        parts = self._parts.get(station)
        if parts is None:
            parts = self._parts[station] = deque(maxlen=self._search.window)
        parts.append((sequence, part))

    def causes(self, station: str, label: str, sequence: int) -> tuple[Cause, ...]:
        """What explains the defects of a class ("": of any) as of a place in the stream, the likeliest first."""
        parts = [part for at, part in self._parts.get(station, ()) if sequence - self.reach < at <= sequence]
        centres = [spot.centre for part in parts for spot in part.spots if spot.centre is not None]
        size_px = max((x for x, _ in centres), default=1.0) or 1.0, max((y for _, y in centres), default=1.0) or 1.0
        search = replace(self._search, size_px=size_px)
        return attribute([_scaled(part, size_px) for part in parts], label or None, search)


def _scaled(part: Traced, size_px: tuple[float, float]) -> Traced:
    if not part.spots:
        return part
    width, height = size_px
    spots = [Spot(s.label, s.centre and (s.centre[0] / width, s.centre[1] / height)) for s in part.spots]
    return replace(part, spots=tuple(spots))
