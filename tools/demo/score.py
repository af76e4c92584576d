"""Verdicts against the truth, and figures from lists. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from jidoka.verdict.v1 import verdict_pb2

from tools.boards.board import Defect

_IOU = 0.33  # as DeepPCB counts a defect as found (Tang et al. 2019)


@dataclass(frozen=True)
class Found:
    """How many of the true defects were found, and how many of those under their right name."""

    true: int
    found: int
    named: int


def compare(defects: Sequence[Defect], verdict: verdict_pb2.Verdict) -> Found:
    """Match each true defect to the reported box that overlaps it best, each box once."""
    free = list(verdict.defects)
    found = named = 0
    for truth in defects:
        best = max(free, key=lambda box: _iou(truth, box), default=None)
        if best is not None and _iou(truth, best) >= _IOU:
            free.remove(best)
            found += 1
            named += best.label == truth.label
    return Found(len(defects), found, named)


def _iou(truth: Defect, box: verdict_pb2.Defect) -> float:
    x1, y1, x2, y2 = truth.box
    width = min(x2, box.x2_px) - max(x1, box.x1_px)
    height = min(y2, box.y2_px) - max(y1, box.y1_px)
    if width <= 0 or height <= 0:
        return 0.0
    both = (x2 - x1) * (y2 - y1) + (box.x2_px - box.x1_px) * (box.y2_px - box.y1_px)
    return float(width * height / (both - width * height))


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99 by nearest rank; zeros for no values."""
    ranked = sorted(values) or [0.0]
    return {f"p{p}": round(ranked[min(len(ranked) - 1, len(ranked) * p // 100)], 2) for p in (50, 95, 99)}
