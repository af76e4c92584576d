"""Every chart decides what its formula says, forgets nothing in a checkpoint and refuses parameters without sense."""

import json
import random
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.postprocessing.domain.charts import (
    BernoulliCusum,
    Consecutive,
    Cusum,
    Ewma,
    InconclusiveRate,
    KOfN,
    LotRate,
    MissingParts,
    Nelson,
    PChart,
    Trend,
    UChart,
)

# No deadline: the machine that tests also trains.
quick = settings(deadline=None, max_examples=40)

COUNTING = (
    Consecutive(3),
    KOfN(3, 10),
    BernoulliCusum(),
    InconclusiveRate(),
    MissingParts(),
    PChart(0.5),
    UChart(0.5),
    LotRate(0.1, n_min=10),
)
MEASURED = (Cusum(0, 1), Ewma(0, 1), Nelson(0, 1), Nelson(0, 1, tuple(range(1, 9))), Trend(5, 1e9, 8, every=3))


def signals(chart, values):
    """The number of each observation that signalled, from 1; the chart is never started again."""
    state, found = chart.start(), []
    for number, value in enumerate(values, start=1):
        state, signal = chart.step(state, value)
        if signal:
            found.append(number)
    return found


def first(chart, values):
    return next(iter(signals(chart, values)), None)


def observations(chart, seed, count):
    rng = random.Random(seed)
    return [float(rng.random() < 0.3) if chart in COUNTING else rng.gauss(0.5, 1) for _ in range(count)]


@pytest.mark.parametrize("chart", [*COUNTING, *MEASURED], ids=repr)
@quick
@given(seed=st.integers(0, 2**32), cut=st.integers(0, 120))
def test_a_checkpoint_anywhere_changes_no_decision_and_the_state_stays_small(chart, seed, cut):
    values = observations(chart, seed, 120)
    state, restored = chart.start(), chart.start()

    for number, value in enumerate(values):
        if number == cut:
            restored = tuple(json.loads(json.dumps(restored)))
        state, signal = chart.step(state, value)
        restored, again = chart.step(restored, value)
        assert (state, signal) == (restored, again)
        assert len(state) <= 64
        if signal:
            assert isinstance(json.loads(json.dumps([signal.statistic, signal.limit])), list)
            assert signal.detail


@quick
@given(parts=st.lists(st.booleans(), max_size=80), k=st.integers(1, 4))
def test_consecutive_signals_exactly_while_the_newest_k_are_defective(parts, k):
    assert signals(Consecutive(k), parts) == [n for n in range(k, len(parts) + 1) if all(parts[n - k : n])]


@quick
@given(parts=st.lists(st.booleans(), max_size=80), k=st.integers(1, 4), more=st.integers(0, 8))
def test_k_of_n_signals_exactly_while_the_window_holds_k(parts, k, more):
    n = k + more
    expected = [end for end in range(1, len(parts) + 1) if sum(parts[max(0, end - n) : end]) >= k]

    assert signals(KOfN(k, n), parts) == expected


@quick
@given(gaps=st.lists(st.integers(0, 30), max_size=20))
def test_a_gap_of_missing_parts_counts_as_each_of_them_would(gaps):
    chart = MissingParts(4, 20)
    whole, single = chart.start(), chart.start()

    for gap in gaps:
        whole, _ = chart.step(whole, gap, max(1, gap))
        whole, at_once = chart.step(whole, 0)
        for missing in [1] * gap + ([0] if gap else [0, 0]):
            single, one_by_one = chart.step(single, missing)
        assert (whole, at_once) == (single, one_by_one)


@quick
@given(parts=st.lists(st.booleans(), max_size=300), h=st.sampled_from([3, 3.5, 4]))
def test_bernoulli_cusum_is_pages_recursion_in_exact_arithmetic(parts, h):
    steps, limit, s, expected = 40, h * 40, 0, []
    for number, part in enumerate(parts, start=1):
        s = min(max(0, s - 1) + steps * part, limit + steps)
        expected += [number] if s >= limit else []

    assert signals(BernoulliCusum(0.01, 0.05, h), parts) == expected


def test_bernoulli_cusum_says_when_the_rate_changed():
    state, signal = BernoulliCusum().start(), None
    for part in [0] * 500 + [1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1]:
        state, signal = BernoulliCusum().step(state, part)

    assert signal
    assert signal.detail == "4 of the last 11 parts are defective, where 1.00% is tolerated"
    assert signal.statistic == pytest.approx(4 - 10 / 40)


def test_a_window_remembers_no_more_than_it_counts_and_says_how_dense_the_defects_are():
    chart, state = KOfN(3, 1000), KOfN(3, 1000).start()
    for part in [0] * 50 + [1, 0, 1, 0, 0] + [1] * 100 + [0]:
        state, signal = chart.step(state, part)
        assert len(state) <= 3
        if part and signal:
            newest = signal
    _, gap = MissingParts(4, 100_000).step((), 90_000, 90_000)

    assert newest.detail == "3 of the last 3 parts are defective, where fewer than 3 of 1000 are tolerated"
    assert gap is not None
    assert gap.detail == "4 of the last 4 parts have no verdict, where fewer than 4 of 100000 are tolerated"


def test_inconclusive_verdicts_and_missing_parts_say_what_they_are():
    assert first(InconclusiveRate(), [1] * 10) == 5
    assert first(MissingParts(), [1] * 10) == 4
    _, blind = InconclusiveRate().step((790.0, 9.0, 6.0), 1)
    assert blind is not None
    assert blind.detail == "7 of the last 10 verdicts are inconclusive, where 2.00% is tolerated"


@quick
@given(values=st.lists(st.floats(-4, 4), max_size=60))
def test_cusum_and_ewma_are_their_formulas(values):
    above = below = average = 0.0
    cusum, ewma = [], []
    for number, x in enumerate(values, start=1):
        above, below = max(0.0, above + x - 0.5), max(0.0, below - x - 0.5)
        average = 0.2 * x + 0.8 * average
        cusum += [number] if max(above, below) > 5 else []
        ewma += [number] if abs(average) > 2.86 * sqrt(0.2 / 1.8) + 1e-9 else []

    assert signals(Cusum(0, 1), values) == cusum
    assert set(ewma) <= set(signals(Ewma(0, 1), values))


def test_cusum_and_ewma_tell_the_side_in_the_unit_of_the_value():
    _, low = Cusum(10, 2).step((0.0, 5.0, 0.0, 7.0), 6)
    _, high = Ewma(10, 2).step((1.5,), 12)

    assert low is not None
    assert low.detail == "for 8 values the mean has been below 10: CUSUM 6.50, limit 5"
    assert high is not None
    assert high.detail == "the moving average 12.8 is above its limit 11.91"


def test_p_and_u_limits_are_the_published_ones():
    assert PChart(0.02).limits_at(200) == pytest.approx((0, 0.0497), abs=1e-4)
    assert UChart(0.05).limits_at(800) == pytest.approx((0.0263, 0.0737), abs=1e-4)
    assert UChart(0.05, n_min=200).limits_at(200) == pytest.approx((0.0026, 0.0974), abs=1e-4)
    assert (PChart(0.02).size, UChart(0.05).size) == (250, 100)


def test_a_subgroup_may_come_part_by_part_or_counted_and_both_sides_signal():
    chart = PChart(0.1, n_min=100)

    assert first(chart, [1] * 20 + [0] * 80) == 100
    assert first(chart, [1] * 10 + [0] * 90) is None
    _, above = chart.step(chart.start(), 20, 100)
    _, below = chart.step(chart.start(), 0, 100)
    assert above is not None
    assert above.detail == "20 defective parts in 100 parts (0.2 a part) are above the limit 0.19; in control 0.1"
    assert below is not None
    assert "below the limit" in below.detail


def test_laneys_correction_widens_the_limits_of_a_large_subgroup():
    plain, widened = PChart(0.02, 10_000), PChart(0.02, 10_000, sigma_z=3)

    assert plain.step(plain.start(), 250, 10_000)[1]
    assert widened.step(widened.start(), 250, 10_000)[1] is None


@pytest.mark.parametrize(
    ("test", "completes", "spoiled"),
    [
        (1, [3.1], [2.9]),
        (2, [0.5] * 9, [0.5] * 4 + [-0.1] + [0.5] * 4),
        (3, [-2, -1, 0, 0.1, 0.2, 0.3], [-2, -1, 0, 0, 0.2, 0.3]),
        (4, [1, -1] * 7, [1, -1] * 6 + [-1, 1]),
        (5, [2.1, 0, 2.1], [2.1, 0, -2.1]),
        (6, [-1.1, -1.1, 0.9, -1.1, -1.1], [-1.1, -1.1, 0.9, 0.9, -1.1]),
        (7, [0.9, -0.9, 0.1] * 5, [0.9, -0.9, 1.1] * 5),
        (8, [1.1, -1.1] * 4, [1.1, -1.1] * 3 + [0.9, -1.1]),
    ],
)
def test_each_nelson_pattern_signals_at_its_last_value_and_not_when_one_value_spoils_it(test, completes, spoiled):
    chart = Nelson(10, 2, (test,))

    assert signals(chart, [10 + 2 * z for z in completes]) == [len(completes)]
    assert signals(chart, [10 + 2 * z for z in spoiled]) == []


def test_nelson_needs_no_third_value_when_two_already_make_two_of_three():
    assert first(Nelson(0, 1), [2.1, 2.1]) == 2
    assert first(Nelson(0, 1), [1.1, 1.1, 1.1, 1.1]) == 4


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda: Consecutive(0), "k"),
        (lambda: KOfN(5, 4), "n"),
        (lambda: MissingParts(5, 4), "window"),
        (lambda: BernoulliCusum(0.05, 0.01), "p1"),
        (lambda: BernoulliCusum(0), "p0"),
        (lambda: InconclusiveRate(h=1), "h"),
        (lambda: Cusum(0, 0), "sigma"),
        (lambda: Cusum(0, 1, k=0), "k"),
        (lambda: Ewma(0, 1, lam=1.5), "lam"),
        (lambda: Ewma(0, 1, L=0), "L"),
        (lambda: PChart(0.02, 200), "n_min"),
        (lambda: PChart(1.2), "p"),
        (lambda: UChart(0), "u"),
        (lambda: UChart(0.05, sigma_z=0.5), "sigma_z"),
        (lambda: Nelson(0, 1, (9,)), "rules"),
        (lambda: Nelson(0, 1, ()), "rules"),
        (lambda: LotRate(0), "agreed_rate"),
        (lambda: LotRate(0.01, confidence=95), "confidence"),
        (lambda: LotRate(0.01, method="wald"), "method"),
        (lambda: Trend(5, 10, min_points=3), "min_points"),
        (lambda: Trend(5, 10, max_points=10), "max_points"),
        (lambda: Trend(5, 0), "horizon"),
    ],
)
def test_parameters_without_sense_are_refused_by_name(build, field):
    with pytest.raises(ValueError, match=rf"^{field}: "):
        build()
