"""Trend of wear: does it rise, how fast, when does it reach the limit? For a work order ahead of time, never a stop.

`every` values are averaged into one point (a lot, a shift, 1,000 cycles). A signal needs all of: Mann-Kendall's
one-sided p < alpha, Sen's slope > min_slope, and the fitted line at the limit within `horizon` points.

S = sum of sign(y_j - y_i), i < j; Z = (S - 1) / sqrt(var S); var S = n (n - 1) (2n + 5) / 18, less the ties. Mann 1945,
Kendall 1975, Sen 1968. Neighbouring points of a machine resemble each other, and Mann-Kendall takes that for a trend;
Hamed and Rao (Journal of Hydrology 204, 1998, eq. 15) widen var S by the autocorrelation of the ranks. Fed with the
sample's correlations, as they do, 40 points still alarm too often; here it is an AR(1) process about Sen's line, its
bias removed (Kendall, Biometrika 41, 1954). That is the default (`autocorrelated`). Trendless series that pass:

| 40 points, one look | alpha 5 %, plain | sample's | here | alpha 1 %, plain | sample's | here |
|---|---|---|---|---|---|---|
| independent | 4.5 % | 4.3 % | 3.5 % | 0.7 % | 0.6 % | 0.4 % |
| AR(0.5) | 16 % | 14 % | 6 % | 8 % | 6 % | 2 % |
| AR(0.7) | 24 % | 17 % | 7 % | 15 % | 9 % | 2 % |

Looked at after every point (20 to 60 kept, alpha 1 %), values of sigma 1, limit 5 sigma above, horizon 30 points:

| false alarms, points between them | any slope and horizon | with the horizon | rise of 0.1 sigma a point is seen at |
|---|---|---|---|
| independent | 570 (plain 460) | more than 2,900 | 24 |
| AR(0.5) | 380 (plain 100) | more than 2,900 | 31 |

The limit is reached at point 50. Without a horizon and a `min_slope` of practical weight a patient chart always alarms.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import asin, ceil, erfc, pi, sqrt
from operator import mul
from statistics import fmean

from services.postprocessing.domain.charts.chart import Signal, State, demand

_HIGHEST = 0.95
"""An autocorrelation above this is a trend by any name."""


@dataclass(frozen=True)
class Trend:
    """Values that drift towards `limit`. State: sum and number of the values of the open point, then the points.

    `horizon` is in points, `min_slope` in units a point, `alpha` the one-sided level of a single look.
    """

    limit: float
    horizon: float
    min_points: int = 20
    alpha: float = 0.01
    min_slope: float = 0.0
    rising: bool = True
    every: int = 1
    max_points: int = 60
    autocorrelated: bool = True

    def __post_init__(self) -> None:
        demand(self.horizon > 0, "horizon", "more than 0 points ahead")
        demand(self.min_points >= 8, "min_points", "8 or more, or the normal approximation of S is void; better 20")
        demand(0 < self.alpha < 0.5, "alpha", "between 0 and 0.5, usually 0.01")
        demand(self.min_slope >= 0, "min_slope", "0 or more; `rising` says the direction")
        demand(self.every >= 1, "every", "at least one value to a point")
        demand(self.max_points >= self.min_points, "max_points", f"min_points = {self.min_points} or more")

    def start(self) -> State:
        return (0.0, 0.0)

    def step(self, state: State, x: float, n: int = 1) -> tuple[State, Signal | None]:  # noqa: ARG002
        """`x` is one value in the unit of `limit`; tests whenever a point is complete."""
        total, count, *points = state
        total, count = total + x, count + 1
        if count < self.every:
            return (total, count, *points), None
        points = [*points, total / count][-self.max_points :]
        return (0.0, 0.0, *points), self._judge(points) if len(points) >= self.min_points else None

    def _judge(self, points: list[float]) -> Signal | None:
        sign = 1.0 if self.rising else -1.0
        rise = [sign * point for point in points]
        if mann_kendall(rise) >= self.alpha:  # the cheap test first: a correction only makes it harder to pass
            return None
        slope, now = sen_line(rise)
        if slope <= self.min_slope:
            return None
        left = max(0.0, (sign * self.limit - now) / slope)
        p = mann_kendall(rise, hamed_rao(rise, slope)) if self.autocorrelated else mann_kendall(rise)
        return self._signal(left, sign * slope, p, len(points)) if p < self.alpha and left <= self.horizon else None

    def _signal(self, left: float, slope: float, p: float, points: int) -> Signal:
        when = f"reaches {self.limit:g} in {ceil(left)} points" if left else f"has reached {self.limit:g}"
        detail = f"{slope:+.4g} a point over {points} points (p = {p:.1g}): {when}, horizon {self.horizon:g}"
        return Signal(left, self.horizon, detail)


def mann_kendall(points: Sequence[float], inflation: float = 1.0) -> float:
    """One-sided p-value that the points rise; `inflation` widens the variance of S."""
    n = len(points)
    s = sum((later > earlier) - (later < earlier) for earlier, later in combinations(points, 2))
    ties = sum(t * (t - 1) * (2 * t + 5) for t in Counter(points).values())
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18 * inflation
    return 0.5 * erfc((s - 1) / sqrt(2 * variance)) if s > 0 else 1.0


def sen_line(points: Sequence[float]) -> tuple[float, float]:
    """Sen's slope a point, and his line at the newest point."""
    # A second that a plant without trend rules must not pay.
    from scipy.stats import theilslopes  # type: ignore[import-untyped]  # noqa: PLC0415

    slope, intercept, _, _ = theilslopes(points)
    return float(slope), float(intercept + slope * (len(points) - 1))


def hamed_rao(points: Sequence[float], slope: float) -> float:
    """How much the autocorrelation of the points about their line widens the variance of S: 1 or more."""
    n = len(points)
    rho = _lag_one([point - slope * i for i, point in enumerate(points)])
    ranked = (6 / pi * asin(rho**lag / 2) for lag in range(1, n - 2))  # of the ranks of a normal AR(1) process
    pairs = sum((n - lag) * (n - lag - 1) * (n - lag - 2) * r for lag, r in enumerate(ranked, start=1))
    return float(1 + 2 * pairs / (n * (n - 1) * (n - 2)))


def _lag_one(residuals: Sequence[float]) -> float:
    n, centre = len(residuals), fmean(residuals)
    centred = [residual - centre for residual in residuals]
    power = sum(c * c for c in centred) or 1.0
    raw = sum(map(mul, centred, centred[1:])) / power
    # A line takes part of the correlation away with it; Kendall 1954 says how much.
    return float(min(_HIGHEST, max(0.0, (n * raw + 2) / (n - 4))))
