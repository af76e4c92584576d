"""Shewhart charts for counts: p (defective parts) and u (defects per unit), with Laney's correction.

p +- limits sqrt(p (1 - p) / n) and u +- limits sqrt(u / n), n units to a subgroup. Shewhart 1931; Montgomery,
*Introduction to Statistical Quality Control*, ch. 7. Observations are collected until a subgroup is full, so that parts
may be fed one by one or in counts. The default subgroup is the smallest with n p >= 5 (or n u >= 5), below which the
normal limits mean nothing. Where rates differ from subgroup to subgroup more than chance explains (with a large n they
always do) the limits are too narrow: Laney (Quality Engineering 14, 2002) widens them by sigma_z, which
`baseline.overdispersion` learns.

| chart | limits | in control, parts | doubled rate | trebled |
|---|---|---|---|---|
| p = 2 %, n = 250 | 0 .. 4.66 % | 50,300 | 831 | 304 |
| u = 0.05, n = 100 | 0 .. 0.117 | 18,300 | 330 | 123 |

Slower than the Bernoulli CUSUM by design: to report a shift, not to hold a line.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from math import ceil, sqrt

from services.postprocessing.domain.charts.chart import Signal, State, demand

_FEWEST = 5.0
"""Expected defects in a subgroup, from which the normal limits hold."""


class _Subgroups(ABC):
    """State: the defects and the units of the subgroup that is being filled."""

    n_min: int | None
    what: str

    @property
    @abstractmethod
    def rate(self) -> float:
        """The rate in control, in defects or defective parts per unit."""

    @abstractmethod
    def limits_at(self, units: float) -> tuple[float, float]:
        """Lower and upper limit of the rate in a subgroup of so many units."""

    @cached_property
    def size(self) -> int:
        """Units that fill a subgroup."""
        return self.n_min or ceil(round(_FEWEST / self.rate, 6))

    def start(self) -> State:
        return (0.0, 0.0)

    def step(self, state: State, x: float, n: int = 1) -> tuple[State, Signal | None]:
        """`x` defects in `n` units; signals when they fill a subgroup whose rate is outside its limits."""
        defects, units = state[0] + x, state[1] + n
        if units < self.size:
            return (defects, units), None
        low, high = self.limits_at(units)
        found = defects / units
        return (0.0, 0.0), None if low <= found <= high else self._signal(defects, units, high if found > high else low)

    def _signal(self, defects: float, units: float, limit: float) -> Signal:
        side = "above" if defects / units > limit else "below"
        counted = f"{defects:.0f} {self.what} in {units:.0f} parts ({defects / units:.4g} a part)"
        return Signal(defects / units, limit, f"{counted} are {side} the limit {limit:.4g}; in control {self.rate:.4g}")

    def _check(self, sigma_multiple: float, sigma_z: float) -> None:
        demand(sigma_multiple > 0, "limits", "a multiple of sigma above 0, usually 3")
        demand(sigma_z >= 1, "sigma_z", "1 or more: Laney's correction only widens the limits")
        least = ceil(round(_FEWEST / self.rate, 6))
        demand(self.size >= least, "n_min", f"{least} or more, for {_FEWEST:g} expected defects in a subgroup")


@dataclass(frozen=True)
class PChart(_Subgroups):
    """The share of defective parts against `p`, the share in control."""

    p: float
    n_min: int | None = None
    limits: float = 3.0
    sigma_z: float = 1.0

    what = "defective parts"

    def __post_init__(self) -> None:
        demand(0 < self.p < 1, "p", "a share between 0 and 1")
        self._check(self.limits, self.sigma_z)

    @property
    def rate(self) -> float:
        return self.p

    def limits_at(self, units: float) -> tuple[float, float]:
        width = self.limits * self.sigma_z * sqrt(self.p * (1 - self.p) / units)
        return max(0.0, self.p - width), min(1.0, self.p + width)


@dataclass(frozen=True)
class UChart(_Subgroups):
    """Defects per unit against `u`, the defects per unit in control; a unit may have several."""

    u: float
    n_min: int | None = None
    limits: float = 3.0
    sigma_z: float = 1.0

    what = "defects"

    def __post_init__(self) -> None:
        demand(self.u > 0, "u", "more than 0 defects a unit")
        self._check(self.limits, self.sigma_z)

    @property
    def rate(self) -> float:
        return self.u

    def limits_at(self, units: float) -> tuple[float, float]:
        width = self.limits * self.sigma_z * sqrt(self.u / units)
        return max(0.0, self.u - width), self.u + width
