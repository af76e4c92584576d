"""Can this picture prove anything? Pictures outside these limits make a part INCONCLUSIVE, never a PASS."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_STRIDE = 2
"""Every second row is enough to tell a blurred board, and twice as fast."""


@dataclass(frozen=True)
class QualityLimits:
    """Grey levels 0..255; `max_mismatch` is the share of pixels that differ from the registered golden template."""

    min_sharpness: float
    min_mean: float
    max_mean: float
    max_mismatch: float


@dataclass(frozen=True)
class Finding:
    """One limit that the picture breaks."""

    code: str
    measured: float
    limit: float


def sharpness(image: NDArray[np.uint8]) -> float:
    """Variance of the horizontal Laplacian [H, W] in grey levels squared (Pech-Pacheco et al., ICPR 2000)."""
    rows = image[::_STRIDE].astype(np.int16)
    laplacian = rows[:, 2:] - 2 * rows[:, 1:-1] + rows[:, :-2]
    return float(laplacian.var(dtype=np.float32))


def gate(image: NDArray[np.uint8], mismatch: float, limits: QualityLimits, *, frozen: bool) -> list[Finding]:
    """What speaks against the picture; `mismatch` after registration, `frozen` when the last part had the same one."""
    findings = []
    if frozen:
        findings.append(Finding("frozen", 1.0, 0.0))
    mean = float(image[::_STRIDE].mean(dtype=np.float32))
    if mean < limits.min_mean:
        findings.append(Finding("dark", mean, limits.min_mean))
    if mean > limits.max_mean:
        findings.append(Finding("overexposed", mean, limits.max_mean))
    sharp = sharpness(image)
    if sharp < limits.min_sharpness:
        findings.append(Finding("blurred", sharp, limits.min_sharpness))
    if mismatch > limits.max_mismatch:
        findings.append(Finding("misregistered", mismatch, limits.max_mismatch))
    return findings
