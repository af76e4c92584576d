"""A recipe: which model looks at a part, and what is tolerated."""

from pydantic import Field

from services.contracts.strict import Name, Share, Strict


class Quality(Strict):
    """Limits outside which a picture proves nothing (INCONCLUSIVE, never PASS)."""

    min_sharpness_share: Share = 0.3
    """Of the golden template's sharpness (variance of the Laplacian)."""
    max_mean_shift: float = Field(default=40.0, ge=0, le=255)
    """Mean grey level against the golden template's, either way."""
    max_mismatch: Share = 0.12
    """Share of pixels that differ from the registered golden template; more means: wrong part or bad picture."""


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
    thresholds: dict[str, Share] = Field(min_length=1)
    """Per defect label: a candidate at or above it is a defect."""
    inconclusive_band: Share = 0.0
    """A best candidate this close below its threshold makes the part INCONCLUSIVE."""
    nms_iou: Share = 0.5
    extent: Extent | None = None
    """None: boxes stay as the model gives them."""
    quality: Quality = Quality()
