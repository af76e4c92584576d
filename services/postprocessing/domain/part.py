"""What the rules see: a judged part, or one measured value of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

NOT_SAID = "-"
"""The value of an attribute that a part does not carry: a group of its own, never a reason to look away."""


class Found(NamedTuple):
    """The defects of one class on one part: their number, the best score (0..1), their area together (px²)."""

    number: int
    score: float
    area_px2: float


class Ref(NamedTuple):
    """Which part it was."""

    lot: str
    sequence: int
    inspection_id: str


@dataclass(frozen=True, slots=True)
class Part:
    """One fact about one part at a station. `defects` is None when the verdict was INCONCLUSIVE: it proves nothing.

    Times are seconds since the epoch: `captured_at_s` as the door reckons it, or by the camera's or sensor's own clock,
    `judged_at_s` by ours. `late`: it came long after it was taken, or from a slow clock. A measured value names its
    `measurement`; a verdict leaves that empty. `sequence` 0: the sender does not count. `previous_lot_parts`: how many
    the lot before had at this station; 0: nobody said.
    """

    station: str
    inspection_id: str
    lot: str
    sequence: int
    defects: Mapping[str, Found] | None
    captured_at_s: float
    judged_at_s: float
    recipe: str = ""
    context: Mapping[str, str] = field(default_factory=dict)
    measurement: str = ""
    value: float = 0.0
    previous_lot_parts: int = 0
    late: bool = False

    @property
    def ref(self) -> Ref:
        return Ref(self.lot, self.sequence, self.inspection_id)

    @property
    def channel(self) -> str:
        """What is counted together: the station's verdicts, or one measurement of one tool."""
        if not self.measurement:
            return self.station
        return f"{self.station}/{self.measurement}/{self.attribute('tool')}"

    def attribute(self, key: str) -> str:
        """The part's value of a scope key; NOT_SAID when it carries none."""
        if key == "station":
            return self.station
        if key == "lot":
            return self.lot
        if key == "recipe":
            return self.recipe
        return self.context.get(key, NOT_SAID)
