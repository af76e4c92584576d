"""The parity gate: a model enters the repository only when everything that runs it gives the same answer.

Asked are the network as it was trained, ONNX Runtime with the exported file, ONNX Runtime with the eight-bit file, and
a real Triton with the folder as it will be served. What slips in between otherwise shows weeks later, as a model that
got worse: a normalisation done twice or never, two channels that changed places, an opset that rounds another way.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor

from tools.boards.board import LABELS, Image
from tools.boards.generator import pair
from tools.train import manifest
from tools.train.export import Decoded
from tools.train.metrics import Array, overlaps
from tools.train.model import PairDetector
from tools.train.validate import registered

_FIRST_BOARD, _BOARDS = 3_000_000, 12
"""Never trained on (`learn.drawn` has the second million); every fourth one is good."""
_SEEN = 0.2
"""Scores that matter: a box below is far from any threshold."""
_SAME_IOU = 0.5
_INPUT, _OUTPUT = "images", "detections"


@dataclass(frozen=True)
class Tolerance:
    """How far apart two answers about the same box may be."""

    score: float
    side_px: float


EXACT = Tolerance(score=1e-3, side_px=0.05)
"""Same weights, same arithmetic but for the order of additions."""
ROUNDED = Tolerance(score=0.1, side_px=4.0)
"""Eight bits against float32, and one engine's rounding against another's: a score in the middle may move so far."""


class Disagreement(ValueError):
    """Raised when two who run the model see different things; says who, on which board, and by how much."""


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


def check(trained: PairDetector, staged: Path, golden: Golden, report: Callable[[str], None]) -> dict[str, Any]:
    """What the manifest says about the parity of the model in the folder `staged`. Raises Disagreement."""
    report("torch")
    by_torch = _by_torch(trained, golden.images)
    if not any((rows[:, 4] >= _SEEN).any() for rows in by_torch):
        raise Disagreement(f"the network sees nothing on {len(golden.images)} golden boards: train it first")
    report("ONNX Runtime")
    exported = _by_onnxruntime(staged / manifest.EXPORTED, golden.images)
    rounded = _by_onnxruntime(staged / manifest.SERVED, golden.images)
    symmetric = _by_onnxruntime(staged / manifest.SYMMETRIC, golden.images)
    drifts = {
        "torch, exported": compare("torch", by_torch, "the export", exported, EXACT),
        "exported, eight bits": compare("the export", exported, "its eight-bit form", rounded, ROUNDED),
        "exported, for TensorRT": compare("the export", exported, "its form for TensorRT", symmetric, ROUNDED),
    }
    report("Triton")
    served = asyncio.run(_by_triton(staged, golden.images))
    drifts["eight bits, served"] = compare("ONNX Runtime", rounded, "the served Triton", served, ROUNDED)
    return {
        "golden_boards": len(golden.images),
        "golden_fingerprint": golden.fingerprint,
        "tolerances": {"exact": asdict(EXACT), "rounded": asdict(ROUNDED)},
        "largest_drift": {name: asdict(drift) for name, drift in drifts.items()},
    }


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
    return found + ". Nothing entered the repository; look for a step done twice or never: scaling, channel order"


def _by_torch(trained: PairDetector, images: Sequence[Image]) -> list[Array]:
    network = _AsTrained(trained).eval()
    with torch.no_grad():
        return [network(torch.from_numpy(image)[None])[0].numpy() for image in images]


class _AsTrained(Decoded):
    """The network as the training saw it: nothing folded, pictures in 0..1."""

    def __init__(self, trained: PairDetector) -> None:
        super().__init__(trained)
        self.network = trained.float().eval()

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images.float() / 255)


def _by_onnxruntime(model: Path, images: Sequence[Image]) -> list[Array]:
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    return [np.asarray(session.run([_OUTPUT], {_INPUT: image[None]})[0][0], np.float32) for image in images]


async def _by_triton(staged: Path, images: Sequence[Image]) -> list[Array]:
    """As the mesh asks: the folder with its own config.pbtxt, on a Triton of our own. Raises MeshError."""
    from tritonclient.grpc import InferInput, InferRequestedOutput  # noqa: PLC0415  # only here

    from tools.bench import triton  # noqa: PLC0415

    answers = []
    async with triton.running(staged.parent) as server:
        await server.load(staged.name, triton.configuration(staged))
        for image in images:
            given = InferInput(_INPUT, [1, *image.shape], "UINT8")
            given.set_data_from_numpy(image[None])
            answer = await server.client.infer(staged.name, [given], outputs=[InferRequestedOutput(_OUTPUT)])
            answers.append(np.asarray(answer.as_numpy(_OUTPUT)[0], np.float32))
    return answers
