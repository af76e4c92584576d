"""What must hold of every verdict, whatever the model proposes and whatever the recipe says."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from services.postprocessing.domain.candidate import Candidate
from services.postprocessing.domain.limits import ClassLimits, Limits
from services.postprocessing.domain.verdict import Outcome, judge
from services.postprocessing.domain.zone import Zone

BADNESS = {Outcome.PASS: 0, Outcome.INCONCLUSIVE: 1, Outcome.FAIL: 2}
# Coarse on purpose: equal scores, boxes that coincide and classes that share a place are where an engine stumbles.
score = st.integers(0, 5).map(lambda fifths: fifths / 5)
label = st.sampled_from(["open", "short"])
low, side = st.sampled_from([0, 10, 40]), st.sampled_from([20, 30])
box = st.builds(lambda x, y, w, h: (x, y, x + w, y + h), low, low, side, side)
candidates = st.lists(st.builds(Candidate, label, box, score), min_size=1, max_size=6)


@st.composite
def class_limits(draw) -> ClassLimits:
    doubt, threshold = sorted((draw(score), draw(score)))
    return ClassLimits(
        threshold,
        doubt,
        min_side_px=draw(st.sampled_from([0, 0, 25])),
        min_area_px2=draw(st.sampled_from([0, 0, 500])),
        allowed=draw(st.integers(0, 2)),
    )


def _rectangle(name: str, critical: bool, at, classes) -> Zone:
    x1, y1, x2, y2 = at
    return Zone(name, critical, ((x1, y1), (x2, y1), (x2, y2), (x1, y2)), frozenset(classes))


zones = st.builds(
    _rectangle,
    st.just("z"),
    st.booleans(),
    st.sampled_from([(-5, -5, 35, 45), (-5, -5, 65, 65), (8, 8, 45, 45), (30, 30, 80, 80)]),
    st.lists(label, max_size=1),
)
limits = st.builds(
    Limits,
    st.fixed_dictionaries({name: class_limits() for name in ("open", "short")}),
    st.sampled_from([0.0, 0.3, 0.5]),
    st.lists(zones, max_size=2).map(tuple),
    st.sampled_from([0.0, 5.0]),
    st.sampled_from([(0, 0), (3, -2)]),
)


def changed(limits: Limits, name: str, **values) -> Limits:
    return replace(limits, classes={**limits.classes, name: replace(limits.classes[name], **values)})


@settings(max_examples=400, deadline=None)
@given(candidates, limits, label, score)
def test_raising_a_threshold_never_makes_a_part_worse(seen, before, name, higher):
    after = changed(before, name, threshold=max(higher, before.classes[name].threshold))

    assert BADNESS[judge(seen, (), after).outcome] <= BADNESS[judge(seen, (), before).outcome]


@settings(max_examples=400, deadline=None)
@given(candidates, limits, label, score)
def test_doubting_less_never_makes_a_part_worse(seen, before, name, higher):
    of = before.classes[name]
    after = changed(before, name, inconclusive_from=min(of.threshold, max(higher, of.inconclusive_from)))

    assert BADNESS[judge(seen, (), after).outcome] <= BADNESS[judge(seen, (), before).outcome]


@settings(max_examples=400, deadline=None)
@given(candidates, limits, zones)
def test_an_ignored_zone_never_adds_a_defect(seen, before, zone):
    after = replace(before, zones=(*before.zones, replace(zone, critical=False)))
    found, was = judge(seen, (), after), judge(seen, (), before)

    assert len(found.defects) <= len(was.defects)
    assert BADNESS[found.outcome] <= BADNESS[was.outcome]


@settings(max_examples=400, deadline=None)
@given(candidates, limits, zones)
def test_a_critical_zone_never_excuses_a_part(seen, before, zone):
    after = replace(before, zones=(*before.zones, replace(zone, critical=True)))

    assert BADNESS[judge(seen, (), after).outcome] >= BADNESS[judge(seen, (), before).outcome]


@settings(max_examples=400, deadline=None)
@given(candidates, limits, label)
def test_allowing_more_never_makes_a_part_worse(seen, before, name):
    after = changed(before, name, allowed=before.classes[name].allowed + 1)

    assert BADNESS[judge(seen, (), after).outcome] <= BADNESS[judge(seen, (), before).outcome]


@settings(max_examples=400, deadline=None)
@given(candidates, limits, st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_does_not_matter(seen, of, random):
    shuffled = list(seen)
    random.shuffle(shuffled)

    assert judge(shuffled, (), of) == judge(seen, (), of)


@settings(deadline=None)
@given(candidates, limits, box, st.floats(allow_nan=True))
def test_an_unknown_class_or_a_score_that_is_no_number_is_never_a_pass(seen, of, where, value):
    unknown = Candidate("scratch", where, value)
    broken = Candidate("open", where, value if not 0 <= value <= 1 else float("nan"))

    assert judge([*seen, unknown], (), of).outcome is not Outcome.PASS
    assert judge([*seen, broken], (), of).outcome is not Outcome.PASS


@settings(deadline=None)
@given(candidates, limits)
def test_a_finding_or_a_recipe_without_classes_is_never_a_pass_and_never_a_fail(seen, of):
    assert judge(seen, ("unproven: no model digest",), of).outcome is Outcome.INCONCLUSIVE
    assert judge(seen, (), replace(of, classes={})).outcome is Outcome.INCONCLUSIVE


@settings(deadline=None)
@given(candidates, limits)
def test_what_a_verdict_says_adds_up(seen, of):
    found = judge(seen, (), of)

    assert (found.outcome is Outcome.FAIL) == bool(found.defects)
    assert found.outcome is Outcome.PASS or found.reasons
    assert all(d.candidate.score >= of.classes[d.candidate.label].threshold for d in found.defects + found.tolerated)
    assert set(found.best_scores) == set(of.classes)
