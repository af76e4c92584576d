"""The rules that are tried: every setting is one that the plant file can say, run by the charts that the plant runs."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from statistics import fmean, pstdev
from typing import Any

from services.postprocessing.domain.charts.chart import Chart
from services.postprocessing.domain.charts.measured import Cusum
from services.postprocessing.domain.charts.relative import Relative
from services.postprocessing.domain.charts.trend import Trend
from tools.toolwear.data import Life

# A rule wants 20 points, and the shortest of these tools lives for 88 s: 4 s to a point would leave it 8 s.
_EVERY = (1, 2)
_MAX_POINTS = (20, 40)
_HORIZONS = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0)
# ISO 3's series R20: a grid that owes nothing to the data but where it begins and ends.
_R20 = (1.0, 1.12, 1.25, 1.4, 1.6, 1.8, 2.0, 2.24, 2.5, 2.8, 3.15, 3.55, 4.0, 4.5, 5.0, 5.6, 6.3, 7.1, 8.0, 9.0)
_K = (0.5, 1.0, 1.5, 2.0)
_H = (5.0, 10.0, 20.0, 40.0, 80.0)
Run = Callable[[Callable[[Chart], "Forecasts"], Iterable[Chart]], Iterable["Forecasts"]]
"""`map`, or that of a pool of processes."""
Forecasts = Mapping[str, Sequence[tuple[int, float]]]
"""For each tool its signals, as (second, statistic)."""


@dataclass(frozen=True)
class Tried:
    """One rule as it could stand in the plant file, and the second at which it first fires on each tool."""

    kind: str
    settings: Mapping[str, Any]
    fires: Mapping[str, int | None]


def trends(lives: Sequence[Life], fresh: int, run: Run) -> Iterator[Tried]:
    """Every trend rule of the grid; its limits are preferred numbers.

    The horizon only decides which forecasts count: all horizons are read off one run of the chart without one.
    """
    limits = _limits([_relative(life, fresh) for life in lives])
    grid = list(itertools.product(_EVERY, _MAX_POINTS, (False, True), limits))
    rules = [
        {"limit": limit, "every": every, "max_points": most, "autocorrelated": corrected}
        for every, most, corrected, limit in grid
    ]
    charts = [_trend({**rule, "horizon": math.inf, "fresh": fresh}) for rule in rules]
    for rule, forecasts in zip(rules, run(partial(_forecast, tuple(lives)), charts), strict=True):
        for horizon in _HORIZONS:
            fires = {tool: _first(found, horizon) for tool, found in forecasts.items()}
            yield Tried("trend", {**rule, "horizon": horizon, "fresh": fresh}, fires)


def cusums(lives: Sequence[Life], good: Sequence[Life], half_um: float) -> Iterator[Tried]:
    """Every CUSUM of the grid; in control is what the `good` tools showed before `half_um` of wear."""
    values = [value for life in good for value, wear in zip(life.values, life.wear_um, strict=True) if wear < half_um]
    mean, sigma = _rounded(fmean(values)), _rounded(pstdev(values))
    for k, h in itertools.product(_K, _H):
        chart = Cusum(mean=mean, sigma=sigma, k=k, h=h)
        yield Tried("cusum", asdict(chart), {life.tool: first_fire(chart, life.values) for life in lives})


def chart_of(tried: Tried) -> Chart:
    """The chart that a plant with this rule runs."""
    return _trend(tried.settings) if tried.kind == "trend" else Cusum(**tried.settings)


def _trend(settings: Mapping[str, Any]) -> Chart:
    chart = Trend(**{name: value for name, value in settings.items() if name != "fresh"})
    return Relative(chart, settings["fresh"]) if settings["fresh"] else chart


def first_fire(chart: Chart, values: Sequence[float]) -> int | None:
    """The index of the value at which the chart first signals."""
    return next((at for at, _ in _signals(chart, values)), None)


def _forecast(lives: Sequence[Life], chart: Chart) -> Forecasts:
    return {life.tool: list(_signals(chart, life.values)) for life in lives}


def _signals(chart: Chart, values: Sequence[float]) -> Iterator[tuple[int, float]]:
    state = chart.start()
    for at, value in enumerate(values):
        state, signal = chart.step(state, value)
        if signal is not None:
            yield at, signal.statistic


def _first(forecasts: Sequence[tuple[int, float]], horizon: float) -> int | None:
    return next((at for at, left in forecasts if left <= horizon), None)


def _limits(lives: Sequence[Sequence[float]]) -> list[float]:
    low, high = min(map(min, lives)), max(map(max, lives))
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [limit for ten in decades for step in _R20 if low <= (limit := _rounded(step * 10**ten)) <= high]


def _relative(life: Life, fresh: int) -> Sequence[float]:
    basis = fmean(life.values[:fresh]) if fresh else 1.0
    return [value / basis for value in life.values[fresh:]]


def _rounded(value: float) -> float:
    """As a person would write it: three digits."""
    return float(f"{value:.3g}")
