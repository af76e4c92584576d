"""The parity gate: a model enters the repository only when everything that runs it gives the same answer.

Asked are the network as it was trained, ONNX Runtime with the exported file and with both eight-bit ones, and a real
Triton with the folder as it will be served. What slips in between otherwise shows weeks later, as a model that got
worse: a normalisation done twice or never, two channels that changed places, an opset that rounds another way.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from services.chassis.errors import MeshError
from tools.boards.board import LABELS, Image
from tools.boards.generator import pair
from tools.train import manifest
from tools.train.answers import Answers, by_onnxruntime, by_torch
from tools.train.metrics import Array, overlaps
from tools.train.model import PairDetector
from tools.train.validate import registered

_FIRST_BOARD, _BOARDS = 3_000_000, 12
"""Never trained on (`learn.drawn` has the second million); every fourth one is good."""
_SEEN = 0.2
"""Scores that matter: a box below is far from any threshold."""
_SAME_IOU = 0.5
_CLOSED = "Nothing entered the repository; "


@dataclass(frozen=True)
class Tolerance:
    """How far apart two answers about the same box may be."""

    score: float
    side_px: float


EXACT = Tolerance(score=1e-3, side_px=0.05)
"""The same weights on the same arithmetic, but for the order of additions: measured is nothing in the sixth decimal."""
ROUNDED = Tolerance(score=0.1, side_px=4.0)
"""Eight bits against float32: measured are 0.03 and 2.6 px, the latter once, on a box of 30 x 69 px; else 0.4 px. What
that does to the figures is measured apart, and no board may change its verdict (`Parity.at`)."""


class Disagreement(ValueError):
    """Raised when two who run the model see different things, or one cannot: says who, on which board, by how much."""


@dataclass(frozen=True)
class Golden:
    """Boards that every export is asked about: registered images uint8 [2, 640, 640], good ones among them."""

    images: Sequence[Image]
    fingerprint: str
    """SHA-256 over all pixels."""

    @classmethod
    def drawn(cls) -> "Golden":
        """The same boards wherever OpenCV is the same."""
        boards = [pair(_FIRST_BOARD + n, [] if n % 4 == 3 else None) for n in range(_BOARDS)]
        images = [registered(board.part, board.golden) for board in boards]
        return cls(images, hashlib.sha256(b"".join(image.tobytes() for image in images)).hexdigest())


@dataclass(frozen=True)
class Parity:
    """What everybody said about the golden boards, and how far apart they were."""

    golden: Golden
    answers: dict[str, Answers]
    drifts: dict[str, Tolerance]

    def at(self, threshold: float) -> dict[str, Any]:
        """For the manifest. Raises Disagreement when at this threshold a board is good to one and bad to another."""
        (first, firsts), *others = [(who, [_highest(rows) for rows in said]) for who, said in self.answers.items()]
        for who, scores in others:
            for board, (score, other) in enumerate(zip(firsts, scores, strict=True)):
                if (score >= threshold) != (other >= threshold):
                    raise Disagreement(
                        f"golden board {board}: {first} and {who} disagree whether it is good: their highest scores "
                        f"are {score:.4f} and {other:.4f}, the threshold is {threshold:.4f}. {_CLOSED}train longer, "
                        "or calibrate on more pairs"
                    )
        return {
            "golden_boards": len(self.golden.images),
            "golden_fingerprint": self.golden.fingerprint,
            "tolerances": {"exact": asdict(EXACT), "rounded": asdict(ROUNDED)},
            "largest_drift": {name: asdict(drift) for name, drift in self.drifts.items()},
            "verdicts": {"threshold": threshold, "defective_to_all": sum(score >= threshold for score in firsts)},
        }


def check(trained: PairDetector, staged: Path, golden: Golden, report: Callable[[str], None]) -> Parity:
    """Whether all that run the model in the folder `staged` agree with `trained`. Raises Disagreement."""
    answers: dict[str, Answers] = {}
    drifts: dict[str, Tolerance] = {}

    def heard(who: str, said: Answers, like: str, tolerance: Tolerance) -> Tolerance:
        answers[who] = said
        return compare(like, answers[like], who, said, tolerance)

    report("torch")
    answers["torch"] = by_torch(trained, golden.images)
    if not any(_highest(rows) >= _SEEN for rows in answers["torch"]):
        raise Disagreement(f"the network sees nothing on {len(golden.images)} golden boards: train it first")
    report("ONNX Runtime")
    exported = by_onnxruntime(staged / manifest.EXPORTED, golden.images)
    drifts["torch, exported"] = heard("the export", exported, "torch", EXACT)
    rounded = by_onnxruntime(staged / manifest.SERVED, golden.images)
    drifts["exported, eight bits"] = heard("its eight-bit form", rounded, "the export", ROUNDED)
    symmetric = by_onnxruntime(staged / manifest.SYMMETRIC, golden.images)
    drifts["exported, for TensorRT"] = heard("its form for TensorRT", symmetric, "the export", ROUNDED)
    report("Triton")
    asked, served, plain = _served(staged, golden.images)
    drifts["exported, as asked for"] = heard("the provider that config.pbtxt asks for", asked, "the export", ROUNDED)
    drifts["eight bits, served"] = heard("the served Triton", served, "the provider that config.pbtxt asks for", EXACT)
    drifts["torch, served"] = heard("the export as served by Triton", plain, "torch", EXACT)
    return Parity(golden, answers, drifts)


def _served(staged: Path, images: Sequence[Image]) -> tuple[Answers, Answers, Answers]:
    from tritonclient.utils import InferenceServerException  # noqa: PLC0415  # who only trains needs no Triton

    from tools.train import served  # noqa: PLC0415

    try:
        return served.without_triton(staged, images), *asyncio.run(served.by_triton(staged, images))
    except (InferenceServerException, MeshError, TimeoutError) as error:
        raise Disagreement(f"Triton does not serve it: {error}. {_CLOSED}mend that and export again") from error


def compare(one: str, ones: Sequence[Array], other: str, others: Sequence[Array], tolerance: Tolerance) -> Tolerance:
    """The largest drift between two answers on the golden set, float32 [N, 6] each. Raises Disagreement."""
    largest = Tolerance(0.0, 0.0)
    for board, (mine, theirs) in enumerate(zip(ones, others, strict=True)):
        for a, b, name in ((mine, theirs, other), (theirs, mine, one)):
            for row in a[a[:, 4] >= _SEEN]:
                drift = _drift(row, b)
                if drift is None or drift.score > tolerance.score or drift.side_px > tolerance.side_px:
                    raise Disagreement(_sentence(one, other, name, board, row, drift, tolerance))
                largest = Tolerance(max(largest.score, drift.score), max(largest.side_px, drift.side_px))
    return Tolerance(round(largest.score, 6), round(largest.side_px, 4))


def _highest(rows: Array) -> float:
    return float(rows[:, 4].max(initial=0.0))


def _drift(row: Array, others: Array) -> Tolerance | None:
    """From a box to the other one's of the same class that lies closest; None when it has none there."""
    alike = others[others[:, 5] == row[5]]
    if not len(alike):
        return None
    overlap = overlaps(row[None], alike)[0]
    best = alike[int(overlap.argmax())]
    if overlap.max() < _SAME_IOU:
        return None
    return Tolerance(float(abs(best[4] - row[4])), float(np.abs(best[:4] - row[:4]).max()))


def _sentence(
    one: str, other: str, lacks: str, board: int, row: Array, drift: Tolerance | None, tolerance: Tolerance
) -> str:
    box = f"the {LABELS[int(row[5])]} at {', '.join(f'{side:.0f}' for side in row[:4])} (score {row[4]:.2f})"
    found = f"golden board {board}: {one} and {other} disagree about {box}: "
    if drift is None:
        found += f"{lacks} does not see it"
    else:
        found += f"scores differ by {drift.score:.4f} (allowed {tolerance.score:g}), "
        found += f"sides by {drift.side_px:.2f} px (allowed {tolerance.side_px:g})"
    return f"{found}. {_CLOSED}look for a step done twice or never: scaling, channel order"
