"""Run lengths and rates of the very chart classes that the plant runs, from numbered random streams."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np

from services.postprocessing.domain.charts import Chart

_BLOCK = 4096
_95 = 1.959964


@dataclass(frozen=True)
class Bernoulli:
    """Parts that are defective with probability `p`."""

    p: float


@dataclass(frozen=True)
class Poisson:
    """Units that have `u` defects on average."""

    u: float


@dataclass(frozen=True)
class Normal:
    """Values of sigma 1 whose mean is `shift` off."""

    shift: float = 0.0


Feed = Bernoulli | Poisson | Normal


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % confidence interval, and from how many runs."""

    mean: float
    low: float
    high: float
    runs: int

    def holds(self, value: float) -> bool:
        """Whether the interval holds the value."""
        return self.low <= value <= self.high


def run_lengths(chart: Chart, feed: Feed, runs: int, rng: np.random.Generator) -> Estimate:
    """Mean number of parts or values until the first signal."""
    if isinstance(feed, Bernoulli):
        gaps = _gaps(feed.p, rng)
        return _estimate([_run_of_parts(chart, gaps) for _ in range(runs)])
    values = _values(feed, rng)
    return _estimate([_run_of_values(chart, values) for _ in range(runs)])


def rate(chart: Chart, feed: Normal, batches: int, rng: np.random.Generator) -> Estimate:
    """Signals in 1,000 values, the chart never started again; the interval is of the means of batches of 1,000."""
    values, state, found = _values(feed, rng), chart.start(), []
    for _ in range(batches):
        signals = 0
        for _ in range(1000):
            state, signal = chart.step(state, next(values))
            signals += signal is not None
        found.append(signals)
    return _estimate(found)


def _run_of_parts(chart: Chart, gaps: Iterator[int]) -> int:
    state, parts = chart.start(), 0
    for gap in gaps:
        good = gap - 1
        parts += gap
        while good:
            settled, signal = chart.step(state, 0)
            good -= 1
            if signal:
                return parts - 1 - good
            if settled == state:  # no further good part changes anything: on to the next defect
                break
            state = settled
        state, signal = chart.step(state, 1)
        if signal:
            return parts
    raise AssertionError("the stream has no end")


def _run_of_values(chart: Chart, values: Iterator[float]) -> int:
    state = chart.start()
    for count, value in enumerate(values, start=1):
        state, signal = chart.step(state, value)
        if signal:
            return count
    raise AssertionError("the stream has no end")


def _gaps(p: float, rng: np.random.Generator) -> Iterator[int]:
    while True:
        yield from rng.geometric(p, _BLOCK).tolist()


def _values(feed: Poisson | Normal, rng: np.random.Generator) -> Iterator[float]:
    while True:
        if isinstance(feed, Poisson):
            yield from rng.poisson(feed.u, _BLOCK).tolist()
        else:
            yield from rng.normal(feed.shift, 1.0, _BLOCK).tolist()


def _estimate(found: list[int]) -> Estimate:
    mean = float(np.mean(found))
    half = _95 * float(np.std(found, ddof=1)) / sqrt(len(found))
    return Estimate(mean, mean - half, mean + half, len(found))
