"""Phase I: the mean and sigma of a process in control, learned from good values before a chart judges new ones.

sigma = mean moving range / 1.128 (d2 of two values; Montgomery, ch. 6): a slow drift during the warm-up hardly widens
it, as it would the standard deviation. `pooled` is for rational subgroups. Charts on 30 learned values alarm far too
often or far too rarely (Jones, Champ, Rigdon, Technometrics 43, 2001); learn 100 or more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import fmean, variance

from services.postprocessing.domain.charts.chart import State, demand

_D2 = 1.128
"""Expected range of two normal values, in sigma."""


@dataclass(frozen=True)
class Baseline:
    """What is normal, in the unit of the values."""

    mean: float
    sigma: float


@dataclass(frozen=True)
class Learning:
    """Streaming phase I of `n` values. State: their number, their sum, the newest, the sum of moving ranges."""

    n: int = 100

    def __post_init__(self) -> None:
        demand(self.n >= 2, "n", "two values or more, better 100")

    def start(self) -> State:
        return (0.0, 0.0, 0.0, 0.0)

    def step(self, state: State, x: float) -> tuple[State, Baseline | None]:
        """Take one good value; the baseline is there from the n-th on, unless all values were alike so far."""
        count, total, newest, ranges = state
        ranges += abs(x - newest) if count else 0.0
        state = (count + 1, total + x, x, ranges)
        return state, Baseline(state[1] / state[0], ranges / count / _D2) if count + 1 >= self.n and ranges else None


def moving_range(values: Sequence[float]) -> Baseline:
    """Of good values in their order. Raises ValueError for fewer than two, or when all are alike."""
    demand(len(values) >= 2, "values", "two or more")
    ranges = [abs(b - a) for a, b in pairwise(values)]
    demand(any(ranges), "values", "all alike: their spread cannot be learned")
    return Baseline(fmean(values), fmean(ranges) / _D2)


def pooled(subgroups: Sequence[Sequence[float]]) -> Baseline:
    """Of rational subgroups of two values or more: sigma is what varies within them. Raises ValueError."""
    demand(bool(subgroups) and all(len(group) >= 2 for group in subgroups), "subgroups", "two values or more in each")
    freedom = sum(len(group) - 1 for group in subgroups)
    sigma = sqrt(sum(variance(group) * (len(group) - 1) for group in subgroups) / freedom)
    demand(sigma > 0, "subgroups", "all values alike: their spread cannot be learned")
    return Baseline(fmean([value for group in subgroups for value in group]), sigma)


def overdispersion(counts: Sequence[tuple[float, float]], *, binomial: bool) -> float:
    """Laney's sigma_z of subgroups (defects, units), 1 or more: how much more they vary than p or u explain."""
    demand(len(counts) >= 2, "counts", "two subgroups or more")
    rate = sum(defects for defects, _ in counts) / sum(units for _, units in counts)
    demand(0 < rate < 1 or (rate > 0 and not binomial), "counts", "the rate must not be 0, nor 1 for parts")
    unit_variance = rate * (1 - rate) if binomial else rate
    scores = [(defects / units - rate) / sqrt(unit_variance / units) for defects, units in counts]
    return max(1.0, fmean(abs(b - a) for a, b in pairwise(scores)) / _D2)
