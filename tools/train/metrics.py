"""How good detections are: float32 [N, 6] x1 y1 x2 y2 score class, best first, against a truth [M, 5]."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.boards.board import LABELS, Pair

Array = NDArray[np.float32]
_PLATEAU = 0.001


@dataclass(frozen=True)
class Judged:
    """Detections of one image next to its truth."""

    found: Array
    truth: Array


def boxes_of(pair: Pair) -> Array:
    """The defects of a pair as float32 [N, 5]: x1 y1 x2 y2 class."""
    rows = [(*defect.box, LABELS.index(defect.label)) for defect in pair.defects]
    return np.array(rows, np.float32).reshape(-1, 5)


def overlaps(a: Array, b: Array) -> Array:
    """IoU of every box of `a` [N, 4+] with every box of `b` [M, 4+]: [N, M]."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    inner = (high - low).clip(0).prod(-1)
    area_a, area_b = ((box[:, 2:4] - box[:, :2]).prod(-1) for box in (a, b))
    return np.asarray(inner / (area_a[:, None] + area_b[None] - inner + 1e-9), np.float32)


def suppress(found: Array, limit: float = 0.5, per_class: bool = False) -> Array:
    """Greedy non-maximum suppression; `per_class` lets boxes of different classes overlap."""
    clash = overlaps(found, found) > limit
    if per_class:
        clash &= found[:, None, 5] == found[None, :, 5]
    keep = np.ones(len(found), bool)
    for index in range(len(found)):
        keep[index] = not (clash[index, :index] & keep[:index]).any()
    return found[keep]


def hits(found: Array, truth: Array, limit: float, agnostic: bool = False) -> NDArray[np.bool_]:
    """Which detections find a defect nobody better has found: IoU >= limit and, unless `agnostic`, the right class."""
    score = overlaps(found, truth)
    if not agnostic:
        score = np.where(found[:, None, 5] == truth[None, :, 4], score, 0)
    result = np.zeros(len(found), bool)
    for index in range(len(found) if len(truth) else 0):
        best = int(score[index].argmax())
        if score[index, best] >= limit:
            result[index] = True
            score[:, best] = 0
    return result


def mean_average_precision(judged: Sequence[Judged], limit: float) -> float:
    """Mean over the classes of the area under the monotone precision-recall curve, NMS 0.5 within each class."""
    thinned = [Judged(suppress(image.found, per_class=True), image.truth) for image in judged]
    return float(np.mean([average_precision(of_class(thinned, kind), limit) for kind in range(len(LABELS))]))


def of_class(judged: Sequence[Judged], kind: int) -> list[Judged]:
    """The detections and defects of one class, in every image."""
    return [Judged(j.found[j.found[:, 5] == kind], j.truth[j.truth[:, 4] == kind]) for j in judged]


def average_precision(judged: Sequence[Judged], limit: float) -> float:
    """The area under the monotone precision-recall curve."""
    recall, precision = curve(judged, limit)
    return float(np.sum(np.diff(recall, prepend=0) * envelope(precision)))


def curve(judged: Sequence[Judged], limit: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall and precision after the best detection of all images, the two best, and so on."""
    _, right, total = _pooled(judged, limit)
    return right / max(total, 1), right / np.arange(1, len(right) + 1)


def envelope(precision: NDArray[np.float64]) -> NDArray[np.float64]:
    """The best precision at each recall or any higher one: what a threshold could still reach."""
    return np.maximum.accumulate(precision[::-1])[::-1]


def _pooled(judged: Sequence[Judged], limit: float) -> tuple[Array, NDArray[np.float64], int]:
    """Scores of all images' detections, falling; how many of the first n are right; how many defects there are."""
    scores = np.concatenate([image.found[:, 4] for image in judged])
    right = np.concatenate([hits(image.found, image.truth, limit) for image in judged])
    order = np.argsort(-scores, kind="stable")
    return scores[order], np.cumsum(right[order], dtype=float), sum(len(image.truth) for image in judged)


def best_threshold(judged: Sequence[Judged], limit: float = 0.33) -> float:
    """The middle, in logits, of the scores at which F stays within 0.001 of its maximum (class-agnostic NMS 0.5).

    The middle of the plateau and not its peak: the peak is where this sample happens to be kind.
    """
    scores, right, total = _pooled([Judged(suppress(image.found), image.truth) for image in judged], limit)
    f_score = 2 * right / (np.arange(1, len(right) + 1) + total)
    good = scores[f_score >= f_score.max() - _PLATEAU].clip(1e-6, 1 - 1e-6)
    logits = np.log(good / (1 - good))
    return float(1 / (1 + np.exp(-(logits.min() + logits.max()) / 2)))


def at_threshold(judged: Sequence[Judged], threshold: float, limit: float = 0.33) -> dict[str, float]:
    """Precision, recall, F and the recall that forgives a wrong class, as a verdict would see them."""
    kept = [Judged(suppress(alarms(image.found, threshold)), image.truth) for image in judged]
    right = sum(int(hits(image.found, image.truth, limit).sum()) for image in kept)
    noticed = sum(int(hits(image.found, image.truth, limit, agnostic=True).sum()) for image in kept)
    said, true = sum(len(image.found) for image in kept), sum(len(image.truth) for image in kept)
    return {
        "precision": right / max(said, 1),
        "recall": right / max(true, 1),
        "f": 2 * right / max(said + true, 1),
        "recall_any_class": noticed / max(true, 1),
    }


def alarms(found: Array, threshold: float) -> Array:
    """The detections that count."""
    return found[found[:, 4] >= threshold]
