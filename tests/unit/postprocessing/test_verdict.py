"""What makes a part bad, doubtful or good: each tolerance by itself, counted by hand."""

import math
from dataclasses import replace

import pytest

from services.postprocessing.domain.candidate import Candidate, overlap, places, suppress
from services.postprocessing.domain.limits import ClassLimits, Limits, Severity
from services.postprocessing.domain.proof import REQUIRED, gaps
from services.postprocessing.domain.verdict import Outcome, judge
from services.postprocessing.domain.zone import Zone

OPEN = ClassLimits(0.4, 0.3)
LIMITS = Limits({"open": OPEN, "short": ClassLimits(0.6, 0.5)}, nms_iou=0.5)
HERE, THERE, ELSEWHERE = (10, 10, 40, 40), (100, 100, 130, 130), (200, 200, 230, 230)


def candidate(label: str, score: float, box=HERE) -> Candidate:
    return Candidate(label, box, score)


def with_open(**changed) -> Limits:
    return replace(LIMITS, classes={**LIMITS.classes, "open": replace(OPEN, **changed)})


def zone(box, *classes: str, critical: bool = False) -> Zone:
    x1, y1, x2, y2 = box
    return Zone("z1", critical, ((x1, y1), (x2, y1), (x2, y2), (x1, y2)), frozenset(classes))


@pytest.mark.parametrize(
    ("label", "score", "outcome"),
    [
        ("open", 0.40, Outcome.FAIL),  # at the threshold is a defect
        ("open", 0.39, Outcome.INCONCLUSIVE),
        ("open", 0.30, Outcome.INCONCLUSIVE),
        ("open", 0.29, Outcome.PASS),
        ("short", 0.59, Outcome.INCONCLUSIVE),
        ("short", 0.45, Outcome.PASS),  # each label has its own threshold
        ("scratch", 0.01, Outcome.INCONCLUSIVE),  # what nobody specified is never a PASS
        ("open", math.nan, Outcome.INCONCLUSIVE),  # below every threshold, and no number
        ("open", 1.5, Outcome.INCONCLUSIVE),
    ],
)
def test_a_score_decides_by_its_labels_threshold_and_band(label, score, outcome):
    assert judge([candidate(label, score)], [], LIMITS).outcome is outcome


def test_a_picture_that_proves_nothing_is_inconclusive_whatever_the_model_says():
    sure = judge([candidate("open", 0.99)], ["blurred: 3, limit 20"], LIMITS)
    none = judge([], ["dark: 2, limit 8"], LIMITS)

    assert (sure.outcome, sure.defects) == (Outcome.INCONCLUSIVE, ())
    assert (none.outcome, none.reasons) == (Outcome.INCONCLUSIVE, ("dark: 2, limit 8",))


def test_a_recipe_without_classes_passes_nothing():
    assert judge([], [], Limits({}, 0.5)).outcome is Outcome.INCONCLUSIVE
    assert judge([candidate("open", 0.9)], [], Limits({}, 0.5)).outcome is Outcome.INCONCLUSIVE


def test_whoever_does_not_say_what_stood_behind_the_answer_gets_no_pass():
    whole = dict.fromkeys(REQUIRED, "abc")

    assert gaps(whole) == []
    assert gaps({**whole, "model_digest": ""}) == ["unproven: no model digest"]
    assert len(gaps({})) == len(REQUIRED)
    assert judge([], gaps({}), LIMITS).outcome is Outcome.INCONCLUSIVE


def test_one_place_has_one_defect_and_the_surest_name_wins():
    elsewhere = candidate("open", 0.8, ELSEWHERE)
    twice = [candidate("open", 0.7), candidate("short", 0.9, (11, 11, 41, 41)), elsewhere]

    assert [(c.label, c.score) for c in suppress(twice, 0.5)] == [("short", 0.9), ("open", 0.8)]
    assert [len(place) for place in places(twice, 0.5)] == [2, 1]
    assert [d.candidate.label for d in judge(twice, [], LIMITS).defects] == ["short", "open"]


def test_a_defect_is_not_hidden_by_a_surer_name_that_does_not_count():
    limits = replace(LIMITS, classes={**LIMITS.classes, "short": ClassLimits(0.95, 0.95)})
    found = judge([candidate("short", 0.9), candidate("open", 0.5, (11, 11, 41, 41))], [], limits)

    assert (found.outcome, [d.candidate.label for d in found.defects]) == (Outcome.FAIL, ["open"])


def test_what_is_allowed_of_one_class_hides_no_defect_of_another_at_the_same_place():
    found = judge([candidate("open", 0.9), candidate("short", 0.7, (11, 11, 41, 41))], [], with_open(allowed=1))

    assert (found.outcome, [d.candidate.label for d in found.defects]) == (Outcome.FAIL, ["short"])


@pytest.mark.parametrize(
    ("tolerance", "box", "outcome"),
    [
        ({"min_side_px": 11}, (10, 10, 19, 19), Outcome.PASS),  # 10 px: whole numbers are the middles of pixels
        ({"min_side_px": 10}, (10, 10, 19, 19), Outcome.FAIL),
        ({"min_side_px": 11}, (10, 10, 11, 100), Outcome.FAIL),  # a scratch counts by its length
        ({"min_area_px2": 101}, (10, 10, 19, 19), Outcome.PASS),
        ({"min_area_px2": 100}, (10, 10, 19, 19), Outcome.FAIL),
        ({"min_side_px": 11, "min_area_px2": 50}, (10, 10, 19, 19), Outcome.FAIL),  # too small in one is not enough
    ],
)
def test_what_is_too_small_is_tolerated_and_named(tolerance, box, outcome):
    found = judge([candidate("open", 0.9, box)], [], with_open(**tolerance))

    assert found.outcome is outcome
    if outcome is Outcome.PASS:
        assert found.reasons == ("tolerated: open at score 0.90",)
        assert found.best_scores["open"] == 0


def test_the_margin_that_a_box_leaves_around_its_defect_is_no_part_of_its_size():
    limits = replace(with_open(min_side_px=9), margin_px=10.0)

    assert judge([candidate("open", 0.9, (2, 2, 29, 29))], [], limits).outcome is Outcome.PASS  # 8 px and 10 around
    assert judge([candidate("open", 0.9, (2, 2, 29, 31))], [], limits).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("scores", "outcome"),
    [
        ((0.9,), Outcome.PASS),
        ((0.9, 0.35), Outcome.INCONCLUSIVE),  # were the doubt true, it would be one too many
        ((0.35, 0.35), Outcome.INCONCLUSIVE),
        ((0.9, 0.8), Outcome.FAIL),
        ((0.9, 0.2), Outcome.PASS),
    ],
)
def test_one_of_a_class_may_be_allowed(scores, outcome):
    boxes = (HERE, THERE)
    found = judge([candidate("open", s, b) for s, b in zip(scores, boxes, strict=False)], [], with_open(allowed=1))

    assert found.outcome is outcome
    assert len(found.defects) == (2 if outcome is Outcome.FAIL else 0)


def test_an_allowed_one_does_not_make_room_for_another_class():
    found = judge([candidate("open", 0.9), candidate("short", 0.9, THERE)], [], with_open(allowed=1))

    assert [d.candidate.label for d in found.defects] == ["short"]
    assert [d.candidate.label for d in found.tolerated] == ["open"]


def test_severity_is_the_class_s_and_critical_in_a_critical_zone():
    limits = replace(with_open(severity=Severity.MINOR), zones=(zone((125, 125, 300, 300), critical=True),))
    found = judge([candidate("open", 0.9), candidate("open", 0.8, THERE)], [], limits)

    assert [(d.severity, d.zone) for d in found.defects] == [(Severity.MINOR, ""), (Severity.CRITICAL, "z1")]
    assert found.reasons[1] == "open at score 0.80 in the critical zone z1"


def test_no_tolerance_holds_in_a_critical_zone():
    limits = replace(with_open(min_side_px=99, allowed=5), zones=(zone((0, 0, 50, 50), critical=True),))

    assert judge([candidate("open", 0.9)], [], limits).outcome is Outcome.FAIL
    assert judge([candidate("open", 0.35)], [], limits).outcome is Outcome.INCONCLUSIVE
    assert judge([candidate("open", 0.9, THERE)], [], limits).outcome is Outcome.PASS


def test_nothing_counts_that_lies_wholly_in_an_ignored_zone():
    limits = replace(LIMITS, zones=(zone((5, 5, 45, 45)),))

    assert judge([candidate("open", 0.9)], [], limits).outcome is Outcome.PASS
    assert judge([candidate("open", 0.9, (10, 10, 46, 40))], [], limits).outcome is Outcome.FAIL  # it reaches out
    assert judge([candidate("open", 0.9, THERE)], [], limits).outcome is Outcome.FAIL


def test_a_zone_may_be_for_one_class_and_lies_on_the_template_not_on_the_picture():
    limits = replace(LIMITS, zones=(zone((5, 5, 45, 45), "short"),))
    moved = replace(LIMITS, zones=(zone((5, 5, 45, 45)),), offset_px=(6, 0))

    assert judge([candidate("open", 0.9)], [], limits).outcome is Outcome.FAIL
    assert judge([candidate("short", 0.9)], [], limits).outcome is Outcome.PASS
    assert judge([candidate("open", 0.9, (16, 10, 50, 40))], [], moved).outcome is Outcome.PASS
    assert judge([candidate("open", 0.9, (10, 10, 40, 40))], [], moved).outcome is Outcome.FAIL


def test_what_is_ignored_and_critical_is_critical():
    limits = replace(LIMITS, zones=(zone((0, 0, 99, 99)), zone((30, 30, 60, 60), critical=True)))

    assert judge([candidate("open", 0.9)], [], limits).outcome is Outcome.FAIL


def test_overlap_is_intersection_over_union():
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (10, 0, 20, 10)) == 0
    assert overlap((0, 0, 0, 0), (0, 0, 0, 0)) == 0


def test_a_polygon_with_a_notch_holds_what_lies_in_its_arms_and_not_what_bridges_them():
    u = Zone("u", critical=False, corners=((0, 0), (40, 0), (40, 50), (60, 50), (60, 0), (100, 0), (100, 90), (0, 90)))

    assert u.holds((5, 5, 35, 80))
    assert u.holds((0, 0, 40, 50))
    assert not u.holds((30, 10, 70, 20))  # both ends within
    assert not u.holds((40, 0, 60, 10))  # exactly the notch
    assert u.touches((30, 10, 70, 20))
    assert not u.touches((40, 0, 60, 10))
    assert u.touches((-10, 40, 110, 60))  # wider than the zone, no corner within
    assert not u.touches((45, 10, 55, 10))  # a line in the notch
    assert u.touches((10, 10, 10, 10))
    assert not u.touches((200, 200, 210, 210))
