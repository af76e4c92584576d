"""Can this picture prove anything? One that looks unlike its golden template makes a part INCONCLUSIVE, never a PASS.

Everything is relative to the template: a board that is almost blank is bright and flat by nature.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

_STRIDE = 2
"""Every second row is enough to tell a blurred board, and twice as fast."""
_FLAT = 100.0
"""A template with less sharpness than this has hardly an edge: nothing in it could show a blur."""


@dataclass(frozen=True)
class QualityLimits:
    """`min_sharpness_share` of the template's, `max_mean_shift` in grey levels, `max_offset_px` in x or y (None: any).

    `max_mismatch` and `min_change` are shares of pixels.
    """

    min_sharpness_share: float
    max_mean_shift: float
    max_mismatch: float
    max_offset_px: int | None = None
    min_change: float = 0.0


@dataclass(frozen=True)
class Look:
    """How bright (mean grey level) and how sharp a picture is."""

    mean: float
    sharpness: float

    @classmethod
    def of(cls, image: Image) -> "Look":
        """The look of a picture uint8 [H, W]; sharpness as in Pech-Pacheco et al., ICPR 2000."""
        rows = image[::_STRIDE].astype(np.int16)
        laplacian = rows[:, 2:] - 2 * rows[:, 1:-1] + rows[:, :-2]
        return cls(float(rows.mean(dtype=np.float32)), float(laplacian.var(dtype=np.float32)))


@dataclass(frozen=True)
class Finding:
    """One limit that the picture breaks."""

    code: str
    measured: float
    limit: float


@dataclass(frozen=True)
class Fit:
    """How a part fits its registered golden template: how far off it lies (x, y), and the share of differing pixels."""

    offset_px: tuple[int, int]
    mismatch: float


def gate(part: Look, golden: Look, fit: Fit, change: float, limits: QualityLimits) -> list[Finding]:
    """What speaks against the picture; `change` is the share of its pixels that differ from those of the last part."""
    findings = [Finding("frozen", change, limits.min_change)] if change <= limits.min_change else []
    if part.mean < golden.mean - limits.max_mean_shift:
        findings.append(Finding("dark", part.mean, golden.mean - limits.max_mean_shift))
    if part.mean > golden.mean + limits.max_mean_shift:
        findings.append(Finding("overexposed", part.mean, golden.mean + limits.max_mean_shift))
    least = limits.min_sharpness_share * golden.sharpness
    if golden.sharpness > _FLAT and part.sharpness < least:
        findings.append(Finding("blurred", part.sharpness, least))
    if fit.mismatch > limits.max_mismatch:
        findings.append(Finding("misregistered", fit.mismatch, limits.max_mismatch))
    offset = max(map(abs, fit.offset_px))
    if limits.max_offset_px is not None and offset > limits.max_offset_px:
        findings.append(Finding("displaced", offset, limits.max_offset_px))
    return findings


def change(part: Image, before: Image | None) -> float:
    """The share of pixels that differ from the picture before: 1 when there is none, or it has another size.

    A sensor's noise alone changes most of them. None at all: the camera, or what stands behind it, shows a still.
    """
    if before is None or before.shape != part.shape:
        return 1.0
    return float(np.count_nonzero(part != before)) / part.size
