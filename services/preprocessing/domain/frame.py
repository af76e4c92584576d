"""A frame on its way through preprocessing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.preprocessing.domain.quality import Finding, Look
from services.preprocessing.domain.registration import GoldenProfile

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Frame:
    """What the camera sent; `image` is the encoded file."""

    inspection_id: str
    site: str
    line: str
    station: str
    lot_id: str
    part_sequence: int
    product_id: str
    recipe: str
    image: bytes
    captured_at_s: float
    previous_lot_parts: int = 0
    """Of the lot before, at this station; 0: not said."""
    context: Mapping[str, str] = field(default_factory=dict)
    sent_at_s: float = 0.0
    """By the camera's clock, as `captured_at_s`; 0: not said."""
    taken_at_s: float = 0.0
    """By the broker's clock, as the door reckons it."""
    late: bool = False

    @property
    def place(self) -> str:
        """Its station with site and line."""
        return f"{self.site}/{self.line}/{self.station}"


@dataclass(frozen=True)
class Golden:
    """A product's golden template, ready for registration; `sha256` of the stored file."""

    profile: GoldenProfile
    look: Look
    sha256: str


@dataclass(frozen=True)
class ServedModel:
    """The model behind the candidates."""

    name: str
    version: str
    digest: str
    labels: tuple[str, ...]
    served_name: str = ""
    """What the model server calls this very network: what answers under it is `digest`, and nothing else (B2)."""


@dataclass(frozen=True)
class Candidate:
    """A box in pixels of the camera's image: whole numbers are the middles of pixels."""

    label: str
    x1: float
    y1: float
    x2: float
    y2: float
    score: float


@dataclass(frozen=True)
class Seen:
    """All that postprocessing needs to judge the part."""

    frame: Frame
    candidates: tuple[Candidate, ...]
    findings: tuple[Finding, ...]
    image_sha256: str
    golden_sha256: str
    model: ServedModel
    preprocessing_digest: str
    offset_px: tuple[int, int] = (0, 0)
    """The part lies so far to the right of and below its golden template."""
    timings_ms: dict[str, float] = field(default_factory=dict)
