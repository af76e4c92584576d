"""A recipe: which model looks at a part, and what is tolerated."""

from pydantic import Field, model_validator

from services.contracts.mistake import Mistake, nearest
from services.contracts.strict import Name, Share, Strict
from services.contracts.tolerance import Adaptive, Tolerance, Zone


class Quality(Strict):
    """Limits outside which a picture proves nothing (INCONCLUSIVE, never PASS)."""

    min_sharpness_share: Share = 0.3
    """Of the golden template's sharpness (variance of the Laplacian)."""
    max_mean_shift: float = Field(default=40.0, ge=0, le=255)
    """Mean grey level against the golden template's, either way."""
    max_mismatch: Share = 0.12
    """Share of pixels that differ from the registered golden template; more means: wrong part or bad picture."""
    max_offset_px: int | None = Field(default=None, ge=0, le=64)
    """How far the part may lie off its golden template in x or y; none: as far as `max_shift_px` can tell."""
    min_change: Share = 0.0
    """A picture that differs from that of the part before in this share of its pixels or less is frozen. With 0 only
    the very same one is; where a sensor's noise is in every picture, 0.01 also finds a still that is encoded anew."""


class Extent(Strict):
    """How the sides of a candidate's box are moved to where the part differs from its golden template."""

    margin_px: float = Field(ge=0, le=64)
    """What a box leaves around the changed pixels: as in the labels that the model learnt from."""
    reach_px: float = Field(default=2.0, gt=0, le=16)
    """A side that would have to move further stays where the model put it."""
    contrast: int = Field(default=128, ge=1, le=255)
    """Grey levels by which a changed pixel differs: half the way between the materials."""
    min_score: Share = 0.1
    """A weaker candidate is not worth the time: 0.1 ms each, ninety of them on a usual board."""


class Recipe(Strict):
    name: Name
    version: int = Field(ge=1)
    model: str
    """A folder of model_repository/."""
    width_px: int = Field(default=640, ge=16, le=8192)
    height_px: int = Field(default=640, ge=16, le=8192)
    max_shift_px: int = Field(default=8, ge=0, le=64)
    """How far registration may move the golden template."""
    thresholds: dict[str, Share] = Field(default_factory=dict)
    """Per defect label: a candidate at or above it is a defect. Short for `classes` with a threshold alone."""
    classes: dict[str, Tolerance] = Field(default_factory=dict)
    """Per defect label, where more is to be said than a threshold. A label that stands nowhere is never a PASS."""
    inconclusive_band: Share = 0.0
    """A best candidate this close below its threshold makes the part INCONCLUSIVE. `jidoka calibrate` finds it."""
    zones: tuple[Zone, ...] = Field(default=(), max_length=64)
    adaptive: Adaptive | None = None
    """None: thresholds stay as they are written."""
    nms_iou: Share = 0.5
    extent: Extent | None = None
    """None: boxes stay as the model gives them."""
    quality: Quality = Quality()

    def tolerances(self) -> dict[str, Tolerance]:
        """What is tolerated of every class, the short ones written out."""
        return {label: Tolerance(threshold=at) for label, at in self.thresholds.items()} | self.classes

    @model_validator(mode="after")
    def _knows_its_classes(self) -> "Recipe":
        if not self.thresholds and not self.classes:
            raise Mistake("thresholds", "is missing: no class is known", "add thresholds: {label: score} or classes")
        for label in self.classes.keys() & self.thresholds.keys():
            raise Mistake(f"thresholds.{label}", "stands in classes, too", "say it once")
        known = sorted(self.thresholds.keys() | self.classes.keys())
        for at, zone in enumerate(self.zones):
            for label in zone.classes:
                if label not in known:
                    raise Mistake(f"zones.{at}.classes", f"names the class {label!r}", nearest(label, known))
        return self

    @model_validator(mode="after")
    def _zones_lie_on_the_picture(self) -> "Recipe":
        names = [zone.name for zone in self.zones]
        for at, zone in enumerate(self.zones):
            if zone.name in names[:at]:
                raise Mistake(f"zones.{at}.name", f"{zone.name!r} is there twice", "rename one")
            if any(not (0 <= x <= self.width_px and 0 <= y <= self.height_px) for x, y in zone.corners):
                field = f"zones.{at}.{'polygon' if zone.polygon else 'rectangle'}"
                raise Mistake(field, "lies outside the picture", f"x to {self.width_px}, y to {self.height_px}")
        return self

    @model_validator(mode="after")
    def _floor_is_below(self) -> "Recipe":
        lowest = min((each.threshold for each in self.tolerances().values()), default=1.0)
        if self.adaptive is not None and self.adaptive.floor > lowest:
            fix = f"{lowest:g} or less"
            raise Mistake("adaptive.floor", f"is above the lowest threshold {lowest:g}", fix)
        return self
