"""The statistics that others will dispute: lot rates, trends, baselines; against scipy and printed values."""

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, kendalltau

from services.postprocessing.domain.charts import Learning, LotRate, Trend
from services.postprocessing.domain.charts.baseline import moving_range, overdispersion, pooled
from services.postprocessing.domain.charts.lot_rate import exact_lower, wilson_lower
from services.postprocessing.domain.charts.trend import hamed_rao, mann_kendall, sen_line

# No deadline: the machine that tests also trains.
quick = settings(deadline=None, max_examples=40)


def first(chart, values):
    state = chart.start()
    for number, value in enumerate(values, start=1):
        state, signal = chart.step(state, value)
        if signal:
            return number, signal
    return None


def autoregressive(phi, count, rng):
    value, found = 0.0, []
    for _ in range(count + 50):
        value = phi * value + rng.gauss(0, 1)
        found.append(value)
    return found[50:]


@pytest.mark.parametrize(
    ("defects", "parts", "wilson", "exact"),
    [(12, 300, 0.0251, 0.0232), (5, 200, 0.0122, 0.0099), (3, 50, 0.0242, 0.0166)],
)
def test_lower_bounds_are_the_printed_ones(defects, parts, wilson, exact):
    assert wilson_lower(defects, parts, 0.95) == pytest.approx(wilson, abs=5e-5)
    assert exact_lower(defects, parts, 0.95) == pytest.approx(exact, abs=5e-5)


@quick
@given(parts=st.integers(1, 2000), share=st.floats(0, 1), confidence=st.sampled_from([0.9, 0.95, 0.99]))
def test_lower_bounds_are_those_of_scipy(parts, share, confidence):
    defects = round(share * parts)
    # Scipy's intervals are of the test's side: "greater" leaves the whole error below.
    test = binomtest(defects, parts, alternative="greater")

    assert wilson_lower(defects, parts, confidence) == pytest.approx(
        test.proportion_ci(confidence, "wilson").low, abs=1e-9
    )
    assert exact_lower(defects, parts, confidence) == pytest.approx(
        test.proportion_ci(confidence, "exact").low, abs=1e-9
    )


def test_few_defects_are_judged_exactly_and_never_before_the_least_number_of_parts():
    chart = LotRate(0.02)

    assert chart.lower(4, 50) == exact_lower(4, 50, 0.95)
    assert chart.lower(5, 50) == wilson_lower(5, 50, 0.95)
    found = first(chart, [1] * 60)
    assert found is not None
    number, signal = found
    assert number == 50
    assert signal.detail.startswith("50 of 50 parts are defective (100.00%): with 95% confidence the lot has 94.")


def test_a_lot_at_half_the_agreed_rate_is_seldom_reported_and_one_at_five_times_always():
    rng, chart = random.Random(1), LotRate(0.01, confidence=0.99, method="exact")
    false = sum(first(chart, [rng.random() < 0.005 for _ in range(1000)]) is not None for _ in range(200))
    missed = sum(first(chart, [rng.random() < 0.05 for _ in range(1000)]) is None for _ in range(100))

    assert false <= 2
    assert missed == 0


@quick
@given(points=st.lists(st.integers(-5, 5), min_size=10, max_size=40).filter(lambda points: len(set(points)) > 2))
def test_mann_kendalls_s_and_variance_are_kendalls_tau_of_scipy(points):
    p = mann_kendall(points)
    tau = kendalltau(range(len(points)), points, method="asymptotic", alternative="greater")
    s = sum((b > a) - (b < a) for a, b in combinations(points, 2))

    # Scipy omits the continuity correction, which only ever makes ours the more careful.
    assert (p < 0.5) == (s > 1)
    assert p >= tau.pvalue - 1e-12
    assert p == pytest.approx(tau.pvalue, abs=0.06) or s <= 0


def test_the_line_to_the_limit_is_sens_and_the_forecast_counts_points():
    slope, now = sen_line([*range(20), 100, 21, 22, 23])  # an outlier that would tilt least squares
    found = first(Trend(limit=300, horizon=12, every=2), [10 * (n // 2) for n in range(80)])

    assert (slope, now) == pytest.approx((1, 23), abs=0.01)
    assert found is not None
    number, signal = found
    assert number == 40  # 20 points of two values
    assert signal.statistic == pytest.approx(11)
    assert signal.detail == "+10 a point over 20 points (p = 2e-08): reaches 300 in 11 points, horizon 12"


def test_no_work_order_for_a_limit_beyond_the_horizon_a_harmless_slope_or_the_good_direction():
    rising = [float(n) for n in range(60)]

    assert first(Trend(limit=300, horizon=12), rising) is None
    assert first(Trend(limit=70, horizon=100, min_slope=1.5), rising) is None
    assert first(Trend(limit=-70, horizon=100, rising=False), rising) is None
    assert first(Trend(limit=-70, horizon=100, rising=False), [-value for value in rising]) is not None


def test_autocorrelation_is_no_trend():
    """Mann-Kendall alone convicts one trendless series in six; 5 % is promised, 6 % are measured."""
    rng, plain, safe = random.Random(5), 0, 0
    for _ in range(300):
        points = autoregressive(0.5, 40, rng)
        plain += mann_kendall(points) < 0.05
        safe += mann_kendall(points, hamed_rao(points, sen_line(points)[0])) < 0.05

    assert plain > 36
    assert safe < 24


@quick
@given(points=st.lists(st.floats(-10, 10), min_size=10, max_size=30))
def test_the_correction_only_makes_a_trend_harder_to_claim(points):
    assert hamed_rao(points, 0.0) >= 1


def test_a_drift_through_noise_is_seen_well_before_it_reaches_the_limit():
    rng = random.Random(5)
    found = [first(Trend(limit=5, horizon=30), [rng.gauss(0.1 * n, 1) for n in range(60)]) for _ in range(50)]

    assert all(hit is not None and hit[0] < 40 for hit in found)


def test_a_learned_baseline_is_that_of_all_values_and_a_drift_does_not_widen_it():
    rng = random.Random(6)
    values = [rng.gauss(20, 3) for _ in range(400)]
    drifting = [value + 0.05 * number for number, value in enumerate(values)]
    state, learned = Learning(400).start(), None
    for value in values:
        state, learned = Learning(400).step(state, value)

    whole = moving_range(values)
    assert learned is not None
    assert (learned.mean, learned.sigma) == pytest.approx((whole.mean, whole.sigma))
    assert whole.sigma == pytest.approx(3, rel=0.1)
    assert moving_range(drifting).sigma == pytest.approx(3, rel=0.1)
    assert pooled([values[n : n + 5] for n in range(0, 400, 5)]).sigma == pytest.approx(3, rel=0.1)


def test_learning_waits_for_n_values_and_refuses_a_dead_sensor():
    state, learned = Learning(3).start(), None
    for value in (7.0, 7.0, 7.0, 7.0):
        state, learned = Learning(3).step(state, value)
        assert learned is None
    _, learned = Learning(3).step(state, 8.0)

    assert learned is not None
    with pytest.raises(ValueError, match=r"^values: all alike"):
        moving_range([7.0, 7.0])


def test_overdispersion_is_one_for_binomial_counts_and_more_when_rates_differ():
    rng = random.Random(7)

    def counts(rates):
        return [(sum(rng.random() < rate for _ in range(2000)), 2000) for rate in rates]

    assert overdispersion(counts([0.05] * 40), binomial=True) == pytest.approx(1, abs=0.25)
    assert overdispersion(counts([0.03, 0.07] * 20), binomial=True) > 3
