import pytest

from services.postprocessing.domain.verdict import Candidate, Limits, Outcome, judge, overlap, suppress

LIMITS = Limits({"open": 0.4, "short": 0.6}, inconclusive_band=0.1, nms_iou=0.5)


def candidate(label: str, score: float, box=(10, 10, 40, 40)) -> Candidate:
    return Candidate(label, box, score)


@pytest.mark.parametrize(
    ("label", "score", "outcome"),
    [
        ("open", 0.40, Outcome.FAIL),  # at the threshold is a defect
        ("open", 0.39, Outcome.INCONCLUSIVE),
        ("open", 0.31, Outcome.INCONCLUSIVE),
        ("open", 0.29, Outcome.PASS),
        ("short", 0.59, Outcome.INCONCLUSIVE),
        ("short", 0.45, Outcome.PASS),  # each label has its own threshold
        ("scratch", 0.9, Outcome.INCONCLUSIVE),  # what nobody specified is never a PASS
    ],
)
def test_a_score_decides_by_its_labels_threshold_and_band(label, score, outcome):
    assert judge([candidate(label, score)], [], LIMITS).outcome is outcome


def test_a_picture_that_proves_nothing_is_inconclusive_whatever_the_model_says():
    sure = judge([candidate("open", 0.99)], ["blurred: 3, limit 20"], LIMITS)
    none = judge([], ["dark: 2, limit 8"], LIMITS)

    assert (sure.outcome, sure.defects) == (Outcome.INCONCLUSIVE, ())
    assert (none.outcome, none.reasons) == (Outcome.INCONCLUSIVE, ("dark: 2, limit 8",))


def test_one_place_has_one_defect_and_the_surest_name_wins():
    elsewhere = candidate("open", 0.8, (200, 200, 230, 230))
    twice = [candidate("open", 0.7), candidate("short", 0.9, (11, 11, 41, 41)), elsewhere]

    assert [(c.label, c.score) for c in suppress(twice, 0.5)] == [("short", 0.9), ("open", 0.8)]


def test_overlap_is_intersection_over_union():
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (10, 0, 20, 10)) == 0
    assert overlap((0, 0, 0, 0), (0, 0, 0, 0)) == 0
