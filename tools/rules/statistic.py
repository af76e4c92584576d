"""What each chart draws: its statistic after one observation, and the limits that it is held against."""

from functools import singledispatch
from typing import NamedTuple

from services.postprocessing.domain.charts import (
    BernoulliCusum,
    Consecutive,
    Cusum,
    Ewma,
    KOfN,
    LotRate,
    MissingParts,
    Nelson,
    PChart,
    Relative,
    State,
    Trend,
    UChart,
)


class Step(NamedTuple):
    """One step of a chart: `x` in `n` units took it from `before` to `after`."""

    before: State
    x: float
    n: int
    after: State


class Reading(NamedTuple):
    """A point to draw; a limit that the chart has not is None."""

    value: float
    low: float | None
    high: float | None


@singledispatch
def reading(chart: object, step: Step) -> Reading | None:
    """The point after a step; None where the chart has none yet. Raises TypeError for a chart that nobody draws."""
    raise TypeError(f"{type(chart).__name__} has no drawing: {step}")


@singledispatch
def axis(chart: object) -> str:
    """What the upright axis counts. Raises TypeError for a chart that nobody draws."""
    raise TypeError(f"{type(chart).__name__} has no axis")


@reading.register
def _(chart: Consecutive, step: Step) -> Reading:
    return Reading(step.after[0], None, chart.k)


@axis.register
def _(chart: Consecutive) -> str:  # noqa: ARG001
    return "defective parts in a row"


@reading.register
def _(chart: KOfN, step: Step) -> Reading:
    return Reading(len(step.after), None, chart.k)


@axis.register
def _(chart: KOfN) -> str:
    return f"defective parts among the last {chart.n}"


@reading.register
def _(chart: MissingParts, step: Step) -> Reading:
    return Reading(len(step.after), None, chart.m)


@axis.register
def _(chart: MissingParts) -> str:
    return f"parts without a verdict among the last {chart.window}"


@reading.register
def _(chart: BernoulliCusum, step: Step) -> Reading:
    return Reading(step.after[0] / chart.ratio.numerator, None, chart.h)


@axis.register
def _(chart: BernoulliCusum) -> str:
    return f"CUSUM of defective parts above {chart.p0:.2%}"


@reading.register
def _(chart: Cusum, step: Step) -> Reading:
    return Reading(max(step.after[:2]), None, chart.h)


@axis.register
def _(chart: Cusum) -> str:
    return f"CUSUM about {chart.mean:g}, in sigma"


@reading.register
def _(chart: Ewma, step: Step) -> Reading:
    return Reading(step.after[0], -chart.limit, chart.limit)


@axis.register
def _(chart: Ewma) -> str:
    return f"moving average about {chart.mean:g}, in sigma"


@reading.register
def _(chart: PChart | UChart, step: Step) -> Reading | None:
    defects, units = step.before[0] + step.x, step.before[1] + step.n
    return Reading(defects / units, *chart.limits_at(units)) if units >= chart.size else None


@axis.register
def _(chart: PChart | UChart) -> str:
    return f"{chart.what} a part, subgroups of {chart.size}"


@reading.register
def _(chart: Nelson, step: Step) -> Reading:
    return Reading((step.x - chart.mean) / chart.sigma, -3.0, 3.0)


@axis.register
def _(chart: Nelson) -> str:
    return f"values about {chart.mean:g}, in sigma"


@reading.register
def _(chart: LotRate, step: Step) -> Reading | None:
    defects, parts = step.after
    return Reading(chart.lower(defects, parts), None, chart.agreed_rate) if parts >= chart.n_min else None


@axis.register
def _(chart: LotRate) -> str:
    return f"share of defective parts in the lot, lower bound ({chart.confidence:.0%})"


@reading.register
def _(chart: Trend, step: Step) -> Reading | None:
    if step.before[1] + 1 < chart.every:
        return None
    return Reading(step.after[-1], *((None, chart.limit) if chart.rising else (chart.limit, None)))


@axis.register
def _(chart: Trend) -> str:
    return f"means of {chart.every} values" if chart.every > 1 else "values"


@reading.register
def _(chart: Relative, step: Step) -> Reading | None:
    learned, total = step.before[:2]
    if learned < chart.fresh:
        return None
    return reading(chart.chart, Step(step.before[2:], step.x * learned / total, step.n, step.after[2:]))


@axis.register
def _(chart: Relative) -> str:
    return f"{axis(chart.chart)} (1: the fresh tool)"
