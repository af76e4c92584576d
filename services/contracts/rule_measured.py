"""Rules that watch a number: a score, an area, a dimension, a force, a temperature."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from services.contracts.mistake import Mistake
from services.contracts.rule_base import OnReadings, Quiet, Reset, Stopping


class _Normal(OnReadings):
    reset_on: tuple[Reset, ...] = ("recipe", "tool", "resume")
    mean: float
    """In control, in the number's own unit."""
    sigma: float = Field(gt=0)
    """In control, in the number's own unit."""


class EwmaRule(_Normal, Quiet):
    """A moving average leaves its limits: small lasting shifts (defaults: false alarm in 378 values, 1 sigma in 10)."""

    kind: Literal["ewma"]
    lam: float = Field(default=0.2, gt=0, le=1)
    """The newest value's weight."""
    L: float = Field(default=2.86, gt=0, le=10)
    """The limit, in sigma of the moving average."""


class CusumRule(_Normal, Stopping):
    """A lasting shift of the mean adds up (defaults: false alarm in 465 values, 1 sigma in 10; raise h to pause)."""

    kind: Literal["cusum"]
    k: float = Field(default=0.5, gt=0, le=10)
    """Half of the shift to detect, in sigma."""
    h: float = Field(default=5.0, gt=0, le=100)
    """The limit, in sigma."""


class NelsonRule(_Normal, Quiet):
    """Patterns that chance makes rarely; the default set speaks falsely 12.5 times in 1,000 values: a warning only."""

    kind: Literal["nelson"]
    rules: tuple[Annotated[int, Field(ge=1, le=8)], ...] = Field(default=(1, 2, 5, 6), min_length=1)
    """Which of Nelson's eight tests."""


class TrendRule(OnReadings, Quiet):
    """Wear: the number rises (Mann-Kendall, Sen's slope) and will reach a limit soon. An order ahead of time."""

    kind: Literal["trend"]
    reset_on: tuple[Reset, ...] = ("tool",)
    quiet_parts: int = Field(default=10_000, ge=1, le=1_000_000)
    limit: float
    """What must not be reached, in the number's unit; with `fresh`, as a multiple of what the fresh tool showed."""
    fresh: int = Field(default=0, ge=0, le=1_000)
    """The first so many values after a reset are the fresh tool's: later ones are divided by their mean. 0: they are
    taken as they are. Use it where tools or cutting conditions differ by more than the wear that matters."""
    horizon: float = Field(gt=0)
    """Fires when the limit is so near, in points."""
    every: int = Field(default=1, ge=1, le=1_000_000)
    """Values averaged into one point: a shift, a lot, 1,000 cycles."""
    min_points: int = Field(default=20, ge=8, le=1_000)
    max_points: int = Field(default=60, ge=8, le=1_000)
    """The newest points are tested."""
    alpha: float = Field(default=0.01, gt=0, lt=0.5)
    """One-sided level of one look."""
    min_slope: float = Field(default=0.0, ge=0)
    """Units (with `fresh`: multiples) a point: a slower drift does not matter."""
    rising: bool = True
    """False: the number falls towards the limit."""
    autocorrelated: bool = True
    """Neighbouring points resemble each other (they do): the test is corrected for it."""

    @model_validator(mode="after")
    def _fits(self) -> "TrendRule":
        if self.max_points < self.min_points:
            raise Mistake("max_points", f"is below min_points = {self.min_points}", f"{self.min_points} or more")
        return self
