"""The report decides whether a model is good enough: its figures are counted by hand here."""

import itertools
import json

import numpy as np
import pytest

from services.postprocessing.domain.candidate import Candidate
from services.postprocessing.domain.limits import Limits
from services.postprocessing.domain.verdict import judge
from services.preprocessing.domain.frame import ServedModel
from tools.boards.board import LABELS
from tools.evaluate.cases import Case, case, ranked
from tools.evaluate.figures import curves, false_alarms, figures
from tools.evaluate.predictions import line, write
from tools.evaluate.served import Sight
from tools.evaluate.worst import draw, mistakes, worst
from tools.train.metrics import Judged, average_precision, curve, envelope

TRUTH = np.array([[10, 10, 40, 40, 0], [100, 100, 130, 130, 1]], np.float32)
NOTHING = np.zeros((0, 5), np.float32)
OPEN, SHORT = Candidate("open", (10, 10, 40, 40), 0.9), Candidate("short", (100, 100, 130, 130), 0.8)
NOWHERE = Candidate("spur", (300, 300, 330, 330), 0.7)


def judged(*candidates: Candidate, truth: np.ndarray = TRUTH, image: str = "g/a/1.jpg") -> Case:
    times = {"decode": 1.0, "register": 2.0, "infer": 3.0, "total": 7.0}
    return case(image, Sight(list(candidates), [], ServedModel("m", "1", "d", ()), times), truth, 0.5, 0.5)


def test_classes_may_overlap_in_the_ranking_but_not_in_a_verdict():
    also_short = Candidate("short", (11, 11, 41, 41), 0.6)
    again_open = Candidate("open", (11, 11, 41, 41), 0.5)
    found = judged(OPEN, also_short, again_open).judged.found

    assert found[:, 4].tolist() == pytest.approx([0.9, 0.3])
    assert found[:, 5].tolist() == [0, 1]


def test_what_reaches_the_threshold_is_what_the_verdict_says():
    # The second lost its place to the first, so it must not take the place of the third, which it would within a class.
    first, second, third = (
        Candidate(label, (x, 10, x + 30, 40), score)
        for label, x, score in (("open", 10, 0.9), ("short", 19, 0.8), ("short", 28, 0.7))
    )
    verdict = [d.candidate for d in judge([first, second, third], (), Limits.same(LABELS, 0.5, 0.5)).defects]

    assert verdict == [first, third]
    assert [c for c in ranked([first, second, third], 0.5, 0.5) if c.score >= 0.5] == verdict


def test_a_doubt_below_the_threshold_keeps_its_score():
    doubt = Candidate("short", (11, 11, 41, 41), 0.4)

    assert judged(OPEN, doubt).judged.found[:, 4].tolist() == pytest.approx([0.9, 0.4])


def test_candidates_that_say_nothing_are_left_out():
    assert len(judged(Candidate("open", (10, 10, 40, 40), 0.01)).judged.found) == 0


def test_figures_by_hand():
    # Class open: found. Class short: found only behind a false alarm, so AP 1/2. A spur where there is none.
    far_short = Candidate("short", (300, 300, 330, 330), 0.95)
    found = figures([judged(OPEN, SHORT, far_short), judged(NOWHERE, truth=NOTHING)], {}, threshold=0.6)

    assert (found["images"], found["defects"], found["threshold"]) == (2, 2, 0.6)
    assert (found["classes"]["open"]["ap33"], found["classes"]["short"]["ap33"]) == (1.0, 0.5)
    assert found["map33"] == found["map50"] == found["map50_95"] == 0.75
    # Pooled, by score: wrong .95, right .9, right .8, wrong .7: (1/2 + 2/3) / 2.
    assert found["pooled_ap33"] == pytest.approx((1 / 2 + 2 / 3) / 2, abs=1e-5)
    at = found["at_threshold"]["iou33"]
    assert (at["precision"], at["recall"]) == (0.5, 1.0)
    assert (found["classes"]["short"]["precision"], found["classes"]["short"]["recall"]) == (0.5, 1.0)
    assert found["latency_ms"]["total"]["p50"] == 7.0


def test_a_class_that_does_not_occur_is_no_part_of_a_mean():
    found = figures([judged(OPEN, SHORT)], {}, threshold=0.6)

    assert found["classes"]["copper"]["defects"] == 0
    assert found["map33"] == 1.0
    assert set(found["curves"]) == {"open", "short", "all"}


def test_looser_boxes_count_at_033_and_not_at_05():
    loose = Candidate("open", (10, 10, 60, 42), 0.9)  # IoU 900 / 1600, and 900 / 2160 for the next
    looser = Candidate("open", (10, 10, 70, 46), 0.9)
    at_033, at_050 = (
        [figures([judged(c)], {}, 0.5)["classes"]["open"][k] for c in (loose, looser)] for k in ("ap33", "ap50")
    )

    assert at_033 == [1.0, 1.0]
    assert at_050 == [1.0, 0.0]


def test_curves_fall_and_hold_the_area_that_the_average_precision_says():
    rng = np.random.default_rng(0)
    many = [
        judged(
            *(Candidate("open", (x, x, x + 30, x + 30), float(rng.random() * 0.9 + 0.05)) for x in (10, 100, 200, 300))
        )
        for _ in range(20)
    ]
    corners = curves([c.judged for c in many])["open"]
    recall, precision = zip(*corners, strict=True)

    assert len(corners) > 2
    assert all(a < b for a, b in itertools.pairwise(recall))
    assert all(a > b for a, b in itertools.pairwise(precision))
    area = float(np.sum(np.diff(recall, prepend=0) * np.array(precision)))
    of_open = [Judged(c.judged.found, c.judged.truth[:1]) for c in many]
    assert area == pytest.approx(average_precision(of_open, 0.33), abs=1e-3)
    assert (np.diff(envelope(curve(of_open, 0.33)[1])) <= 0).all()


def test_a_good_board_with_two_alarms_is_one_false_alarm():
    boards = [judged(OPEN, SHORT, truth=NOTHING), judged(truth=NOTHING), judged(NOWHERE, truth=NOTHING)]

    assert false_alarms(boards, 0.75) == {"boards": 3, "alarmed": 1, "share": pytest.approx(1 / 3, abs=1e-5)}


def test_mistakes_are_missed_defects_and_wrong_alarms_and_a_wrong_class_is_both():
    misread = Candidate("spur", (100, 100, 130, 130), 0.8)
    of = mistakes(0, judged(OPEN, misread), 0.5)

    assert of.as_json() == {"image": "g/a/1.jpg", "missed": ["short"], "wrong": ["spur 0.80"]}
    assert len(of.right) == 1
    assert draw(np.full((640, 640), 255, np.uint8), of).startswith(b"\x89PNG")


def test_the_worst_comes_first_and_the_flawless_not_at_all():
    flawless, one, two = judged(OPEN, SHORT), judged(OPEN, SHORT, NOWHERE), judged(image="g/a/2.jpg")

    assert [of.index for of in worst([flawless, one, two], 0.5, 5)] == [2, 1]
    assert len(worst([flawless, one, two], 0.5, 1)) == 1


def test_a_predictions_line_is_what_was_agreed(tmp_path):
    file = tmp_path / "p.jsonl"
    write(file, [judged(SHORT, OPEN), judged(image="g/a/2.jpg")])
    first, second = (json.loads(text) for text in file.read_text().splitlines())

    assert first == {
        "image": "g/a/1.jpg",
        "boxes": [[10, 10, 40, 40], [100, 100, 130, 130]],
        "scores": [0.9, 0.8],
        "labels": ["open", "short"],
    }
    assert second == {"image": "g/a/2.jpg", "boxes": [], "scores": [], "labels": []}
    assert set(line("i", judged(OPEN).judged.found)) == {"image", "boxes", "scores", "labels"}
