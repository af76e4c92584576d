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
    """`min_sharpness_share` of the template's, `max_mean_shift` in grey levels, `max_mismatch` as share of pixels."""

    min_sharpness_share: float
    max_mean_shift: float
    max_mismatch: float


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


def gate(part: Look, golden: Look, mismatch: float, limits: QualityLimits, *, frozen: bool) -> list[Finding]:
    """What speaks against the picture; `mismatch` after registration, `frozen` when the last part had the same one."""
    findings = [Finding("frozen", 1.0, 0.0)] if frozen else []
    if part.mean < golden.mean - limits.max_mean_shift:
        findings.append(Finding("dark", part.mean, golden.mean - limits.max_mean_shift))
    if part.mean > golden.mean + limits.max_mean_shift:
        findings.append(Finding("overexposed", part.mean, golden.mean + limits.max_mean_shift))
    least = limits.min_sharpness_share * golden.sharpness
    if golden.sharpness > _FLAT and part.sharpness < least:
        findings.append(Finding("blurred", part.sharpness, least))
    if mismatch > limits.max_mismatch:
        findings.append(Finding("misregistered", mismatch, limits.max_mismatch))
    return findings
