"""Measures an exported model the way the mesh uses it: ONNX Runtime, golden image registered, frozen threshold."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort

from services.preprocessing.domain.registration import register, shift
from tools.boards.board import Image, Pair
from tools.boards.generator import pair
from tools.boards.scan import jpeg
from tools.train.metrics import Array, Judged, alarms, at_threshold, best_threshold, boxes_of, mean_average_precision


class Detector:
    """The exported model on the CPU: maps part and golden, both uint8 [640, 640], to detections float32 [100, 6]."""

    def __init__(self, model: Path, threads: int = 2) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.spent_ms: list[float] = []

    def __call__(self, part: Image, golden: Image) -> Array:
        found = register(part, golden)
        images = np.stack([part, shift(golden, found.dx, found.dy)])[None]
        begin = time.perf_counter()
        (detections,) = self.session.run(["detections"], {"images": images})
        self.spent_ms.append(1e3 * (time.perf_counter() - begin))
        return np.asarray(detections[0], np.float32)

    def judge(self, pairs: Iterable[Pair]) -> list[Judged]:
        """Detections next to the truth, pair by pair."""
        return [Judged(self(p.part, p.golden), boxes_of(p)) for p in pairs]


def evaluate(
    detector: Detector, held_out: Sequence[Pair], boards: int = 200, threshold: float | None = None
) -> tuple[float, dict[str, float]]:
    """The threshold (chosen here on `held_out` unless given) and all figures at it, as shares between 0 and 1.

    `held_out` are labelled pairs the model never saw; `boards` of our own generator are judged with defects, and as
    many without. A clean rate is the share of good boards without any alarm.
    """
    judged = detector.judge(held_out)
    threshold = best_threshold(judged) if threshold is None else threshold
    figures = {"map33": mean_average_precision(judged, 0.33), "map50": mean_average_precision(judged, 0.5)}
    figures |= at_threshold(judged, threshold)
    for group in sorted({p.group for p in held_out}):
        of_group = [image for image, p in zip(judged, held_out, strict=True) if p.group == group]
        figures |= {f"group_{group}_{name}": value for name, value in at_threshold(of_group, threshold).items()}
    goldens = [p.golden for p in held_out]
    figures["clean_same"] = _clean_rate(detector, zip(goldens, goldens, strict=True), threshold)
    figures["clean_shifted"] = _clean_rate(detector, zip(_retaken(goldens), goldens, strict=True), threshold)

    flawed = at_threshold(detector.judge(pair(number) for number in range(boards)), threshold)
    figures |= {f"generated_{name}": value for name, value in flawed.items()}
    good = (pair(boards + number, []) for number in range(boards))
    figures["generated_clean"] = _clean_rate(detector, ((p.part, p.golden) for p in good), threshold)
    figures["ms_per_image"] = float(np.median(detector.spent_ms))
    return threshold, {name: round(value, 4) for name, value in figures.items()}


def _clean_rate(detector: Detector, pairs: Iterable[tuple[Image, Image]], threshold: float) -> float:
    return float(np.mean([not len(alarms(detector(part, golden), threshold)) for part, golden in pairs]))


def _retaken(goldens: Sequence[Image]) -> list[Image]:
    """Good boards photographed again: 1 to 3 px off in x and y, JPEG quality 40 to 90."""
    rng = np.random.default_rng(0)
    steps = rng.choice([-3, -2, -1, 1, 2, 3], (len(goldens), 2)).tolist()
    return [jpeg(shift(g, dx, dy), int(rng.integers(40, 91))) for g, (dx, dy) in zip(goldens, steps, strict=True)]
