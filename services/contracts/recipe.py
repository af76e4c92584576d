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
    quality: Quality = Quality()
