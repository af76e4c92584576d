"""A threshold that moves by itself must never learn to look away."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.postprocessing.domain.adaptive import Rails, Window, Windows, adapted
from services.postprocessing.domain.candidate import Candidate
from services.postprocessing.domain.limits import ClassLimits, Limits
from services.postprocessing.domain.verdict import Outcome, judge

RAILS = Rails(parts=100, min_parts=20, quantile=0.95, margin=0.1, max_raise=0.1, floor=0.3, calm_parts=5)
LIMITS = Limits({"open": ClassLimits(0.5, 0.4)}, nms_iou=0.5)


def learnt(*scores: float, rails: Rails = RAILS) -> Window:
    window = Window()
    for number, score in enumerate(scores):
        window = window.after(f"i-{number}", {"open": score}, rails, good=True)
    return window


def threshold(window: Window, rails: Rails = RAILS) -> float:
    return adapted(LIMITS, window, rails).classes["open"].threshold


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.39] * 19, 0.5),  # too few: the recipe's
        ([0.25] * 20, 0.35),  # quantile and margin
        ([0.0] * 95 + [0.39] * 5, 0.3),  # five in a hundred above the quantile; then the floor
        ([0.0] * 94 + [0.39] * 6, 0.49),
        ([0.0] * 50, 0.3),
    ],
)
def test_the_threshold_stands_above_what_good_parts_score(scores, expected):
    assert threshold(learnt(*scores)) == pytest.approx(expected)


def test_the_threshold_rises_no_further_than_the_rail():
    assert threshold(learnt(*[0.39] * 30), replace(RAILS, margin=0.9)) == pytest.approx(0.6)


def test_only_the_last_parts_count():
    assert len(learnt(*[0.1] * 300).scores) == len(learnt(*[0.1] * 300).ids) == 100
    assert threshold(learnt(*[0.39] * 100, *[0.2] * 100)) == pytest.approx(0.3)


def test_a_part_that_is_sent_twice_counts_once():
    window = learnt(0.1, 0.2)

    assert window.after("i-1", {"open": 0.2}, RAILS, good=True) == window


def test_nothing_is_learnt_while_a_run_of_defects_is_on_and_the_threshold_stays():
    before = window = learnt(*[0.2] * 30)
    for number in range(40):  # four good parts after each bad one: never five in a row
        window = window.after(f"r-{number}", {"open": 0.39}, RAILS, good=number % 5 != 0)

    assert window.scores == before.scores
    for number in range(6):
        window = window.after(f"s-{number}", {"open": 0.39}, RAILS, good=True)
    assert len(window.scores) > len(before.scores)


def test_another_model_recipe_version_or_preprocessing_starts_afresh():
    windows = Windows()
    windows.keep("lyon/smt1/aoi1", "pcb", "1 model-a code", learnt(0.1))

    assert windows.at("lyon/smt1/aoi1", "pcb", "1 model-a code").ids == ("i-0",)
    assert windows.at("lyon/smt1/aoi1", "pcb", "1 model-b code") == Window()
    assert windows.at("lyon/smt1/aoi2", "pcb", "1 model-a code") == Window()


def test_wear_that_makes_every_part_a_little_worse_is_not_learnt_as_the_new_normal():
    window, outcomes = Window(), []
    for number in range(1000):
        limits = adapted(LIMITS, window, RAILS)
        found = judge([Candidate("open", (0, 0, 9, 9), number / 1000)], (), limits)
        good = found.outcome is Outcome.PASS and found.best_scores["open"] < limits.classes["open"].inconclusive_from
        window = window.after(str(number), found.best_scores, RAILS, good=good)
        outcomes.append(found.outcome)

    assert outcomes.index(Outcome.INCONCLUSIVE) <= 400  # where the recipe as written doubts, or before
    assert Outcome.PASS not in outcomes[400:]
    assert outcomes.index(Outcome.FAIL) <= 600  # base and max_raise


limits = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda ends: ClassLimits(max(ends), min(ends)))
rails = st.builds(
    lambda quantile, margin, raised, floor: Rails(30, 5, quantile, margin, raised, floor, 3),
    st.floats(0.5, 1),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
)


@settings(max_examples=400, deadline=None)
@given(limits, rails, st.lists(st.floats(0, 1), max_size=40), st.floats(0, 1))
def test_whatever_was_learnt_no_part_passes_that_the_recipe_as_written_would_not_pass(of, within, scores, score):
    base = Limits({"open": of}, 0.5)
    moved = adapted(base, learnt(*scores, rails=within), within)
    part = [Candidate("open", (0, 0, 9, 9), score)]

    assert moved.classes["open"].threshold <= of.threshold + within.max_raise
    assert moved.classes["open"].threshold >= min(within.floor, of.threshold)
    if judge(part, (), moved).outcome is Outcome.PASS:
        assert judge(part, (), base).outcome is Outcome.PASS
