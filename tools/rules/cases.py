"""Which average run lengths are proved: every chart in control and out of it, with what is published about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from services.postprocessing.domain import charts
from tools.rules import exact, patterns
from tools.rules.simulate import Bernoulli, Feed, Normal, Poisson

_DEFAULT_TESTS = (1, 2, 5, 6)


@dataclass(frozen=True)
class Case:
    """One row: a chart under a condition, the computed figure, and the published one as it was printed.

    `at_most` bounds the runs of a very long one.
    """

    rule: str
    parameters: str
    feed: Feed
    chart: charts.Chart
    computed: float
    published: str = ""
    per_thousand: bool = False
    at_most: int = 1_000_000

    @property
    def condition(self) -> str:
        match self.feed:
            case Bernoulli(p):
                return f"{100 * p:g} % defective"
            case Poisson(u):
                return f"{u:g} defects a unit"
            case Normal(shift):
                return f"{shift:g} sigma" if shift else "in control"


def every() -> Iterator[Case]:
    """All rows of the table, in its order."""
    yield from _counting()
    yield from _bernoulli_cusum()
    yield from _subgroups()
    yield from _measured()
    yield from _nelson()


def _counting() -> Iterator[Case]:
    for k, p, at_most in ((3, 0.05, 10_000), (3, 0.01, 1000), (5, 0.1, 2000), (5, 0.05, 200), (5, 0.5, 10_000)):
        yield Case(
            "consecutive", f"k={k}", Bernoulli(p), charts.Consecutive(k), exact.consecutive(k, p), at_most=at_most
        )
    for k, n in ((3, 10), (4, 20)):
        for p in (0.02, 0.05, 0.2, 0.5):
            yield Case("k_of_n", f"{k} of {n}", Bernoulli(p), charts.KOfN(k, n), exact.k_of_n(k, n, p))
    yield Case(
        "missing_parts", "4 of 20", Bernoulli(0.01), charts.MissingParts(), exact.k_of_n(4, 20, 0.01), at_most=500
    )


def _bernoulli_cusum() -> Iterator[Case]:
    for h in (3, 3.5, 4):
        chart = charts.BernoulliCusum(0.01, 0.05, h)
        for p in (0.01, 0.05, 0.2):
            computed = exact.bernoulli_cusum(Fraction(40), h, p)
            yield Case("bernoulli_cusum", f"p0=1 % p1=5 % h={h}", Bernoulli(p), chart, computed)
    for p in (0.02, 0.1):
        computed = exact.bernoulli_cusum(Fraction(199, 10), 4, p)
        yield Case("inconclusive_rate", "p0=2 % p1=10 % h=4", Bernoulli(p), charts.InconclusiveRate(), computed)


def _subgroups() -> Iterator[Case]:
    p_chart, u_chart = charts.PChart(0.02), charts.UChart(0.05)
    for p in (0.02, 0.04):
        low, high = (250 * limit for limit in p_chart.limits_at(250))
        computed = 250 / exact.binomial_outside(250, p, low, high)
        yield Case("p_chart", "p=2 % n=250", Bernoulli(p), p_chart, computed)
    for u in (0.05, 0.1):
        low, high = (100 * limit for limit in u_chart.limits_at(100))
        computed = 100 / exact.poisson_outside(100 * u, low, high)
        yield Case("u_chart", "u=0.05 n=100", Poisson(u), u_chart, computed)


def _measured() -> Iterator[Case]:
    for h, cusums in ((4, ("168", "26.6", "8.38", "3.34")), (5, ("465", "38.0", "10.4", "4.01"))):
        for shift, published in zip((0, 0.5, 1, 2), cusums, strict=True):
            computed, cusum = exact.cusum(0.5, h, shift), charts.Cusum(0, 1, 0.5, h)
            yield Case("cusum", f"k=0.5 h={h}", Normal(shift), cusum, computed, f"{published} [1]")
    for lam, limit, ewmas in (
        (0.2, 2.86, ("", "", "")),
        (0.2, 2.962, ("500 [2]", "41.8 [2]", "10.5 [2]")),
        (0.1, 2.814, ("500 [2]", "31.3 [2]", "10.3 [2]")),
    ):
        for shift, published in zip((0, 0.5, 1), ewmas, strict=True):
            computed, ewma = exact.ewma(lam, limit, shift), charts.Ewma(0, 1, lam, limit)
            yield Case("ewma", f"lam={lam} L={limit}", Normal(shift), ewma, computed, published)


def _nelson() -> Iterator[Case]:
    sets = (((1,), "370.40 [3]"), ((1, 5), "225.44 [3]"), ((1, 6), "166.05 [3]"), ((1, 5, 6), "132.89 [3]"))
    for tests, published in (*sets, (_DEFAULT_TESTS, "")):
        computed = patterns.run_length(frozenset(tests), 0)
        yield Case("nelson", _named(tests), Normal(), charts.Nelson(0, 1, tests), computed, published)
    for shift in (1, 2):
        computed = patterns.run_length(frozenset(_DEFAULT_TESTS), shift)
        yield Case("nelson", _named(_DEFAULT_TESTS), Normal(shift), charts.Nelson(0, 1), computed)
    for test in range(1, 9):
        computed = 1000 * patterns.rate(test)
        yield Case("nelson", _named((test,)), Normal(), charts.Nelson(0, 1, (test,)), computed, per_thousand=True)
    computed = 1000 * patterns.joint_rate(frozenset(_DEFAULT_TESTS))
    yield Case("nelson", _named(_DEFAULT_TESTS), Normal(), charts.Nelson(0, 1), computed, per_thousand=True)


def _named(tests: tuple[int, ...]) -> str:
    return f"test{'s' if len(tests) > 1 else ''} {' '.join(map(str, tests))}"
