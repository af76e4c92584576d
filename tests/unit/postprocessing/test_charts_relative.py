"""A tool is measured against itself: whatever its fresh force, the same wear signals at the same moment."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_kit import Folded, book, measured

from services.postprocessing.domain.charts import Cusum, Relative, Trend
from services.postprocessing.domain.rules.action import What

WEAR = [1 + 0.0001 * n**2 for n in range(120)]
TREND = Trend(limit=1.6, horizon=20, max_points=20, autocorrelated=False)


def signals(chart, values):
    state, found = chart.start(), []
    for at, value in enumerate(values):
        state, signal = chart.step(tuple(json.loads(json.dumps(state))), value)
        if signal:
            found.append(at)
    return found


@given(fresh=st.floats(0.01, 1e5))
@settings(deadline=None, max_examples=8)
def test_the_fresh_tools_own_force_does_not_matter(fresh):
    chart = Relative(TREND, 10)

    assert signals(chart, [fresh * wear for wear in WEAR])[:1] == signals(chart, WEAR)[:1] != []


def test_what_the_inner_chart_gets_are_multiples_of_the_mean_of_the_fresh_values():
    inner = Cusum(mean=1.0, sigma=0.1)
    values = [90.0, 110.0, 150.0, 150.0]
    state = Relative(inner, 2).start()
    for value in values:
        state, _ = Relative(inner, 2).step(state, value)
    expected = inner.start()
    for value in (1.5, 1.5):
        expected, _ = inner.step(expected, value)

    assert state == (2.0, 200.0, *expected)


def test_values_that_add_up_to_nothing_are_no_basis():
    chart = Relative(Cusum(1, 0.1), 2)

    assert signals(chart, [0.0, 0.0, 3.0, 3.0, 3.0, 3.0]) == []
    assert signals(chart, [0.0, 0.0, 3.0, 3.0, 3.0, 6.0]) == [5]
    with pytest.raises(ValueError, match="fresh"):
        Relative(TREND, 0)


def test_a_worn_tool_gets_its_order_in_advance_and_a_new_one_begins_afresh():
    """As the plant file would say it; tool T8 is stronger by half, and none of the wear of T7 counts for it."""
    rule = {
        "id": "wear",
        "kind": "trend",
        "of": {"measurement": "rms"},
        "by": ["station", "tool"],
        "fresh": 10,
        "limit": 1.6,
        "horizon": 20,
        "max_points": 20,
        "autocorrelated": False,
        "actions": ["maintenance_request"],
    }
    folded = Folded(book(rule))
    for tool, force in (("T7", 300.0), ("T8", 450.0)):
        folded.parts(measured(n, force * wear, context={"tool": tool}) for n, wear in enumerate(WEAR, start=1))
    orders = folded.of(What.MAINTENANCE)

    assert [order.episode.scope["tool"] for order in orders] == ["T7", "T8"]
    assert len({order.finding.last.sequence for order in orders}) == 1
    assert "reaches 1.6 in" in orders[0].finding.detail
