"""Leave one tool out: the setting is chosen on all others, and judged on the one that it never saw.

Chosen is the setting whose orders come, over the other tools, nearest (root mean square) to `aim_um` of wear. The aim
stands at two thirds of the limit, because an order after the limit is twice as bad as one before half of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from operator import itemgetter

from services.postprocessing.domain.charts.lot_rate import exact_lower
from tools.toolwear.data import Life
from tools.toolwear.rules import Run, Tried, chart_of, cusums, first_fire, trends


@dataclass(frozen=True)
class Terms:
    """µm of flank wear: what must not be reached, and where the order should come."""

    limit_um: float = 300.0
    aim_um: float = 200.0

    @property
    def half_um(self) -> float:
        """Before this an order is a false alarm: more than half of the tool would be thrown away."""
        return self.limit_um / 2


@dataclass(frozen=True)
class Outcome:
    """One left-out tool. Seconds count from 0; None: it did not happen in the record."""

    tool: str
    seconds: int
    last_um: float
    chosen: Tried
    fires_s: int | None
    fires_um: float | None
    limit_s: int | None
    false_alarm: bool
    in_time: bool | None
    """None: the record ends before the limit, so nothing can be said."""

    @property
    def left_s(self) -> int | None:
        """From the order to the limit; negative: too late."""
        return None if self.fires_s is None or self.limit_s is None else self.limit_s - self.fires_s


@dataclass(frozen=True)
class Summary:
    """All left-out tools together."""

    worn_out: int
    in_time: int
    fired: int
    false_alarms: int
    shortest_left_s: int | None
    lower_95: float
    """What share of such tools the count proves with 95 % confidence (Clopper-Pearson, one-sided)."""


def by_trend(lives: Sequence[Life], terms: Terms, fresh: int, run: Run = map) -> list[Outcome]:
    """The trend rule, each tool left out once; `fresh` values make the measure of a tool, 0: none does."""
    tried = list(trends(lives, fresh, run))
    return [judged(life, _best(lives, life, tried, terms), terms) for life in lives]


def by_cusum(lives: Sequence[Life], terms: Terms) -> list[Outcome]:
    """The CUSUM rule; its mean and sigma, too, come from the other tools."""
    outcomes = []
    for life in lives:
        others = [other for other in lives if other is not life]
        outcomes.append(judged(life, _best(lives, life, cusums(lives, others, terms.half_um), terms), terms))
    return outcomes


def judged(life: Life, chosen: Tried, terms: Terms) -> Outcome:
    """The chosen rule on the tool that was left out, by the plant's own chart."""
    fires_s, limit_s = first_fire(chart_of(chosen), life.values), life.reaches(terms.limit_um)
    fires_um = None if fires_s is None else life.wear_um[fires_s]
    return Outcome(
        tool=life.tool,
        seconds=len(life.values),
        last_um=life.wear_um[-1],
        chosen=chosen,
        fires_s=fires_s,
        fires_um=fires_um,
        limit_s=limit_s,
        false_alarm=fires_um is not None and fires_um < terms.half_um,
        in_time=None if limit_s is None else fires_s is not None and fires_s < limit_s,
    )


def summary(outcomes: Sequence[Outcome]) -> Summary:
    """Counts, and what they prove."""
    worn_out = [outcome for outcome in outcomes if outcome.in_time is not None]
    in_time = sum(outcome.in_time is True for outcome in worn_out)
    return Summary(
        worn_out=len(worn_out),
        in_time=in_time,
        fired=sum(outcome.fires_s is not None for outcome in outcomes),
        false_alarms=sum(outcome.false_alarm for outcome in outcomes),
        shortest_left_s=min((outcome.left_s for outcome in worn_out if outcome.left_s is not None), default=None),
        lower_95=exact_lower(in_time, len(worn_out), 0.95) if worn_out else 0.0,
    )


def _best(lives: Sequence[Life], left_out: Life, tried: Iterable[Tried], terms: Terms) -> Tried:
    others = [life for life in lives if life is not left_out]
    ranked = ((_distance_um(each, others, terms), at, each) for at, each in enumerate(tried))
    return min(ranked, key=itemgetter(0, 1))[2]


def _distance_um(tried: Tried, lives: Sequence[Life], terms: Terms) -> float:
    return sqrt(sum(_miss_um(tried.fires[life.tool], life, terms) ** 2 for life in lives) / len(lives))


def _miss_um(fires_s: int | None, life: Life, terms: Terms) -> float:
    if fires_s is not None:
        return life.wear_um[fires_s] - terms.aim_um
    # No order is right as long as the tool is not worn out; else it is as bad as one at the very end.
    return life.wear_um[-1] - terms.aim_um if life.wear_um[-1] >= terms.limit_um else 0.0
