"""What the search sees of a part, and what it says of a cause."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Point = tuple[float, float]
"""x, y of a defect's centre, each 0..1 of the picture."""


@dataclass(frozen=True)
class Spot:
    """One defect; `centre` is None where it was measured and not seen."""

    label: str
    centre: Point | None = None


@dataclass(frozen=True)
class Traced:
    """A judged part and where it comes from; `origin` names its cavity, tool, nozzle as the plant traces them."""

    sequence: int
    lot: str = ""
    spots: tuple[Spot, ...] = ()
    origin: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cause:
    """What the defects have in common.

    `kind` is the key of the origin, or `lot`, `period` or `place`. `confidence`, 0..1, is the certainty that it is no
    accident times the share of the defects that it accounts for beyond what the rest of the parts has anyway.
    """

    kind: str
    value: str
    confidence: float
    evidence: str


@dataclass(frozen=True)
class Search:
    """How hard to look. `alpha` is the chance to blame anything at all when the defects are random."""

    window: int = 2000
    """Parts, the newest."""
    alpha: float = 0.05
    fewest: int = 3
    """Defective parts of which a cause must account."""
    longest_period: int = 64
    """Parts."""
    radius: float = 0.03
    """Of the same place, as a share of the picture."""
    places: int = 25
    """A part has at least so many places where defects arise by chance: solder joints, edges, holes."""
    most_spots: int = 300
    """The newest, of which places are sought."""
    size_px: tuple[float, float] = (1.0, 1.0)
    """Width and height by which places are said; 1: as shares of the picture."""
