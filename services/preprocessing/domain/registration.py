"""Finds how far a part lies off its golden image, in whole pixels, and moves the golden image under it.

Edge projections are correlated per axis to get near, then the shift walks downhill in the number of differing pixels:
a real part's edges differ from its golden's, which throws the correlation off by a pixel or two in a quarter of the
cases. The result counts only if it really makes the images more alike, because on a periodic board a shift by one
period correlates just as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
_Profile = NDArray[np.float32]

_GAIN = 0.95
"""A shift is accepted when it leaves less than this share of the differing pixels."""


@dataclass(frozen=True, slots=True)
class Registration:
    """The part lies `dx` pixels to the right of and `dy` below the golden image; 0, 0 unless `accepted`.

    `xor_before` and `xor_after` count the pixels that differ in black and white without and with the best shift.
    """

    dx: int
    dy: int
    accepted: bool
    xor_before: int
    xor_after: int


@dataclass(frozen=True, slots=True, eq=False)
class GoldenProfile:
    """A golden image (uint8 [H, W]) with its edge projections, computed once per recipe."""

    image: Image
    columns: _Profile
    rows: _Profile

    @classmethod
    def of(cls, image: Image) -> "GoldenProfile":
        return cls(image, *_projections(image))


def register(part: Image, golden: Image | GoldenProfile, max_shift_px: int = 8) -> Registration:
    """Registers `part` (uint8 [H, W]) to `golden` of the same shape; ValueError when the shapes differ.

    Pass a GoldenProfile where the golden image is used again. Align with `shift(golden, r.dx, r.dy)`.
    """
    profile = golden if isinstance(golden, GoldenProfile) else GoldenProfile.of(golden)
    if part.shape != profile.image.shape:
        raise ValueError(f"part is {part.shape}, golden is {profile.image.shape}: they must have the same size")
    columns, rows = _projections(part)
    near_x = _best_lag(columns, profile.columns, max_shift_px)
    near_y = _best_lag(rows, profile.rows, max_shift_px)

    @cache
    def cost(step: tuple[int, int]) -> int:
        return _differing(part, profile.image, *step, max_shift_px)

    start = min(product((0, near_x), (0, near_y)), key=cost)
    dx, dy = _downhill(cost, start, max_shift_px)
    before, after = cost((0, 0)), cost((dx, dy))
    accepted = after < _GAIN * before
    return Registration(dx if accepted else 0, dy if accepted else 0, accepted, before, after)


def shift(image: Image, dx: int, dy: int) -> Image:
    """The image [H, W] moved right by `dx` and down by `dy` pixels; what enters repeats the border."""
    if dx == dy == 0:
        return image
    height, width = image.shape
    moved = image[max(-dy, 0) : height - max(dy, 0), max(-dx, 0) : width - max(dx, 0)]
    return np.pad(moved, ((max(dy, 0), max(-dy, 0)), (max(dx, 0), max(-dx, 0))), mode="edge")


def _projections(image: Image) -> tuple[_Profile, _Profile]:
    """Strength of vertical edges per column and of horizontal edges per row."""
    across, down = _steps(image[:, 1:], image[:, :-1]), _steps(image[1:], image[:-1])
    # Matrix products sum bytes several times faster than numpy's sum over uint8 does.
    return _ones(across.shape[0]) @ across, down @ _ones(down.shape[1])


def _steps(a: Image, b: Image) -> _Profile:
    return (np.maximum(a, b) - np.minimum(a, b)).astype(np.float32)


def _ones(length: int) -> _Profile:
    return np.ones(length, np.float32)


def _best_lag(part: _Profile, golden: _Profile, reach: int) -> int:
    """The lag of the highest normalised correlation; 0 when a profile is flat."""
    core = golden[reach:-reach] - golden[reach:-reach].mean()
    windows = np.lib.stride_tricks.sliding_window_view(part, core.size)
    windows = windows - windows.mean(axis=1, keepdims=True)
    energy = np.sqrt((windows**2).sum(axis=1) * float((core**2).sum()))
    if not energy.all():
        return 0
    return int(np.argmax((windows @ core) / energy)) - reach


def _downhill(cost: Callable[[tuple[int, int]], int], here: tuple[int, int], reach: int) -> tuple[int, int]:
    """The first shift, from `here` on, that no neighbour within `reach` betters."""
    while True:
        x, y = here
        around = [(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)]
        best = min((step for step in around if max(map(abs, step)) <= reach), key=cost)
        if cost(best) >= cost(here):
            return here
        here = best


def _differing(part: Image, golden: Image, dx: int, dy: int, margin: int) -> int:
    """Differing black and white pixels inside the margin that any shift leaves untouched."""
    height, width = part.shape
    here = part[margin : height - margin, margin : width - margin]
    there = golden[margin - dy : height - margin - dy, margin - dx : width - margin - dx]
    return int(np.count_nonzero((here ^ there) & 0x80))
