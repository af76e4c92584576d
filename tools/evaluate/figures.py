"""All figures of an evaluation, as plain JSON values: shares between 0 and 1, times in milliseconds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tools.boards.board import LABELS
from tools.demo.score import percentiles
from tools.evaluate.cases import Case
from tools.train.metrics import Judged, alarms, at_threshold, average_precision, curve, envelope, of_class

IOU = 0.33
"""From this overlap on a defect counts as found, as DeepPCB counts (Tang et al. 2019)."""
_STRICTER = 0.5
_COCO = tuple(step / 100 for step in range(50, 100, 5))
_STAGES = ("decode", "register", "infer", "total")


def figures(parts: Sequence[Case], good: Mapping[str, Sequence[Case]], threshold: float) -> dict[str, Any]:
    """Everything about these pictures at the frozen threshold; means run over the classes that occur in the truth."""
    judged = [part.judged for part in parts]
    classes = {label: _of_class(judged, kind, threshold) for kind, label in enumerate(LABELS)}
    present = [row for row in classes.values() if row["defects"]]
    return {
        "threshold": threshold,
        "images": len(parts),
        "defects": sum(row["defects"] for row in present),
        "map33": _mean([row["ap33"] for row in present]),
        "pooled_ap33": _pooled_ap(judged, IOU),
        "map50": _mean([row["ap50"] for row in present]),
        "map50_95": _mean([row["ap50_95"] for row in present]),
        "at_threshold": {
            "iou33": _rounded(at_threshold(judged, threshold, IOU)),
            "iou50": _rounded(at_threshold(judged, threshold, _STRICTER)),
        },
        "classes": classes,
        "false_alarms": {kind: false_alarms(cases, threshold) for kind, cases in good.items()}
        | {"all": false_alarms([case for cases in good.values() for case in cases], threshold)},
        "refused_pictures": sum(bool(part.findings) for part in parts),
        "latency_ms": {stage: percentiles([part.timings_ms[stage] for part in parts]) for stage in _STAGES},
        "curves": curves(judged),
    }


def _of_class(judged: Sequence[Judged], kind: int, threshold: float) -> dict[str, Any]:
    of_kind = of_class(judged, kind)
    verdicts = _rounded(at_threshold(of_kind, threshold, IOU))
    return {
        "defects": sum(len(image.truth) for image in of_kind),
        "ap33": _round(average_precision(of_kind, IOU)),
        "ap50": _round(average_precision(of_kind, _STRICTER)),
        "ap50_95": _mean([average_precision(of_kind, limit) for limit in _COCO]),
        **{name: verdicts[name] for name in ("precision", "recall", "f")},
    }


def _pooled_ap(judged: Sequence[Judged], limit: float) -> float:
    """All classes in one list, not interpolated: the average precision of DeepPCB's own `script.py`."""
    recall, precision = curve(judged, limit)
    return _round(float(np.sum(np.diff(recall, prepend=0) * precision)))


def curves(judged: Sequence[Judged]) -> dict[str, list[tuple[float, float]]]:
    """Corners (recall, precision) of the monotone curve at IoU 0.33, for each class and for all of them together."""
    lists = {label: of_class(judged, kind) for kind, label in enumerate(LABELS)} | {"all": list(judged)}
    return {name: _corners(some) for name, some in lists.items() if any(len(image.truth) for image in some)}


def _corners(judged: Sequence[Judged]) -> list[tuple[float, float]]:
    """The furthest recall at each precision: thousands of detections make a few dozen corners."""
    recall, precision = curve(judged, IOU)
    right = np.diff(recall, prepend=0) > 0  # what comes behind the last right one adds nothing but its fall
    reached, best = recall[right], envelope(precision)[right]
    last = np.diff(best, append=-1) != 0
    return [(_round(r), _round(p)) for r, p in zip(reached[last].tolist(), best[last].tolist(), strict=True)]


def false_alarms(cases: Sequence[Case], threshold: float) -> dict[str, float]:
    """How many good boards have at least one alarm."""
    alarmed = sum(bool(len(alarms(case.judged.found, threshold))) for case in cases)
    return {"boards": len(cases), "alarmed": alarmed, "share": _round(alarmed / max(len(cases), 1))}


def _rounded(shares: Mapping[str, float]) -> dict[str, float]:
    return {name: _round(share) for name, share in shares.items()}


def _mean(shares: Sequence[float]) -> float:
    return _round(float(np.mean(shares))) if shares else 0.0


def _round(share: float) -> float:
    return round(share, 5)
