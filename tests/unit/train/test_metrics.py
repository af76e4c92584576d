"""Figures decide whether a model may serve: they are checked by hand on cases small enough to count."""

import numpy as np
import pytest

from tools.train.metrics import Judged, at_threshold, best_threshold, hits, mean_average_precision, suppress

TRUTH = np.array([[10, 10, 40, 40, 0], [100, 100, 130, 130, 1]], np.float32)


def found(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 6)


PERFECT = found((10, 10, 40, 40, 0.9, 0), (100, 100, 130, 130, 0.8, 1))


def test_one_defect_is_found_once() -> None:
    twice = found((10, 10, 40, 40, 0.9, 0), (11, 11, 41, 41, 0.8, 0))

    assert hits(twice, TRUTH, 0.33).tolist() == [True, False]


def test_a_wrong_class_counts_only_when_forgiven() -> None:
    wrong = found((10, 10, 40, 40, 0.9, 3))

    assert hits(wrong, TRUTH, 0.33).tolist() == [False]
    assert hits(wrong, TRUTH, 0.33, agnostic=True).tolist() == [True]


def test_suppression_keeps_the_best_and_the_distant() -> None:
    crowd = found((10, 10, 40, 40, 0.9, 0), (12, 12, 42, 42, 0.8, 1), (100, 100, 130, 130, 0.7, 1))

    assert suppress(crowd)[:, 4].tolist() == pytest.approx([0.9, 0.7])
    assert len(suppress(crowd, per_class=True)) == 3


def test_average_precision_by_hand() -> None:
    # Class 0: right, then a false alarm after full recall: 1.0. Class 1: a false alarm before the right one: 0.5.
    mixed = found(
        (10, 10, 40, 40, 0.9, 0), (300, 300, 330, 330, 0.95, 1), (100, 100, 130, 130, 0.8, 1), (200, 9, 220, 29, 0.2, 0)
    )
    mixed = mixed[np.argsort(-mixed[:, 4])]

    assert mean_average_precision([Judged(mixed, TRUTH)], 0.5) == pytest.approx((1.0 + 0.5) / 6)


def test_verdict_figures_by_hand() -> None:
    alarmed = np.concatenate([PERFECT, found((300, 300, 330, 330, 0.7, 2))])

    figures = at_threshold([Judged(alarmed, TRUTH)], 0.5)

    assert figures["precision"] == pytest.approx(2 / 3)
    assert figures["recall"] == 1.0
    assert at_threshold([Judged(alarmed, TRUTH)], 0.75)["precision"] == 1.0


def test_threshold_lies_between_right_and_wrong() -> None:
    noisy = np.concatenate([PERFECT, found((300, 300, 330, 330, 0.3, 2))])

    assert 0.3 < best_threshold([Judged(noisy, TRUTH)]) <= 0.9


def test_no_detection_at_all_is_not_an_error() -> None:
    nothing = Judged(found(), TRUTH)

    assert at_threshold([nothing], 0.5)["recall"] == 0.0
    assert mean_average_precision([nothing], 0.5) == 0.0
