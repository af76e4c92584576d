"""Charts for a measured value with a known mean and sigma in control: a score, a dimension, a force, a temperature.

`Cusum(mean, sigma, k, h)`: C+ = max(0, C+ + z - k), C- = max(0, C- - z - k), signal above h; z = (x - mean) / sigma.
Page, Biometrika 41, 1954. Half of the shift to detect is k.
`Ewma(mean, sigma, lam, L)`: e = lam z + (1 - lam) e, signal beyond L sqrt(lam / (2 - lam)). Roberts, Technometrics 1,
1959; limits of the steady state, as Lucas and Saccucci 1990 tabulate them.

| chart | in control, values | 0.5 sigma | 1 sigma | 2 sigma |
|---|---|---|---|---|
| `Cusum`, k = 0.5, h = 5 (default) | 465 | 38.0 | 10.4 | 4.0 |
| `Ewma`, lam = 0.2, L = 2.86 (default) | 371 | 36.2 | 9.8 | 3.6 |

Both assume a normal value; take mean and sigma from `baseline` with 100 good values or more.
"""

from dataclasses import dataclass
from functools import cached_property
from math import sqrt

from services.postprocessing.domain.charts.chart import Signal, State, demand


@dataclass(frozen=True)
class Cusum:
    """Two-sided. State: C+, C-, and the values since each last left zero, which date the change."""

    mean: float
    sigma: float
    k: float = 0.5
    h: float = 5.0

    def __post_init__(self) -> None:
        demand(self.sigma > 0, "sigma", "more than 0; learn it from good values")
        demand(self.k > 0, "k", "more than 0: half of the shift to detect, in sigma")
        demand(self.h > 0, "h", "more than 0, in sigma")

    def start(self) -> State:
        return (0.0, 0.0, 0.0, 0.0)

    def step(self, state: State, x: float, n: int = 1) -> tuple[State, Signal | None]:  # noqa: ARG002
        """`x` is one value in the unit of `mean`."""
        above, below, since_above, since_below = state
        z = (x - self.mean) / self.sigma
        above += z - self.k
        below -= z + self.k
        if above <= 0:
            above = since_above = 0.0
        else:
            since_above += 1
        if below <= 0:
            below = since_below = 0.0
        else:
            since_below += 1
        state = (above, below, since_above, since_below)
        return state, self._signal(state) if above > self.h or below > self.h else None

    def _signal(self, state: State) -> Signal:
        above, below, since_above, since_below = state
        side, c, since = ("above", above, since_above) if above >= below else ("below", below, since_below)
        detail = f"for {since:.0f} values the mean has been {side} {self.mean:g}: CUSUM {c:.2f}, limit {self.h:g}"
        return Signal(c, self.h, detail)


@dataclass(frozen=True)
class Ewma:
    """Two-sided. State: the moving average in sigma."""

    mean: float
    sigma: float
    lam: float = 0.2
    L: float = 2.86

    def __post_init__(self) -> None:
        demand(self.sigma > 0, "sigma", "more than 0; learn it from good values")
        demand(0 < self.lam <= 1, "lam", "the newest value's weight: above 0, at most 1")
        demand(self.L > 0, "L", "more than 0, in sigma of the moving average")

    @cached_property
    def limit(self) -> float:
        """In sigma of one value."""
        return self.L * sqrt(self.lam / (2 - self.lam))

    def start(self) -> State:
        return (0.0,)

    def step(self, state: State, x: float, n: int = 1) -> tuple[State, Signal | None]:  # noqa: ARG002
        """`x` is one value in the unit of `mean`."""
        average = state[0] + self.lam * ((x - self.mean) / self.sigma - state[0])
        return (average,), self._signal(average) if abs(average) > self.limit else None

    def _signal(self, average: float) -> Signal:
        side, sign = ("above", 1) if average > 0 else ("below", -1)
        value, limit = self.mean + average * self.sigma, self.mean + sign * self.limit * self.sigma
        return Signal(average, sign * self.limit, f"the moving average {value:.4g} is {side} its limit {limit:.4g}")
