"""The same network in several files, on several engines."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from services.inference.backend import openvino_sessions
from tools.boards.board import SIZE_PX
from tools.boards.generator import pair

Images = NDArray[np.uint8]
Key = TypeVar("Key")
INPUT, OUTPUT = "images", "detections"
_LEAD_RUNS = 2


@dataclass(frozen=True)
class Variant:
    """A file of the model's version folder on ONNX Runtime's CPU provider, or on OpenVINO in a precision."""

    name: str
    file: str
    """Within the version folder; a checkpoint (.pt), which lies elsewhere, runs on torch."""
    precision: str = ""
    """OpenVINO's, for all that is not in eight bits; empty: not OpenVINO."""


REFERENCE = Variant("FP32, ONNX Runtime", "model_fp32.onnx")
"""What every other one is compared with."""
SERVED = Variant("INT8, OpenVINO", "model.onnx", "f32")
"""What config.pbtxt asks for."""
_OTHERS = (
    Variant("INT8, ONNX Runtime", "model.onnx"),
    Variant("FP32, OpenVINO f32", "model_fp32.onnx", "f32"),
    Variant("FP32, OpenVINO bf16", "model_fp32.onnx", "bf16"),
    SERVED,
    Variant("INT8, OpenVINO bf16", "model.onnx", "bf16"),
)


def variants(checkpoint: Path | None = None) -> list[Variant]:
    """Those that the installed onnxruntime can run; the reference comes first, the network before its export last."""
    trained = [Variant("FP32, torch", str(checkpoint.resolve()))] if checkpoint else []
    return [REFERENCE, *(of for of in _OTHERS if not of.precision or openvino_sessions.available()), *trained]


def session(version: Path, variant: Variant, threads: int, batch: int = 1) -> Any:
    """An ONNX Runtime session, or what runs like one. OpenVINO's is compiled for exactly this batch.

    Raises ValueError when a checkpoint is missing, and whatever ONNX Runtime raises.
    """
    path = version / variant.file
    if path.suffix == ".pt":
        from tools.bench.torch_session import TorchSession  # noqa: PLC0415  # two seconds, for this variant alone

        return TorchSession(path, threads)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    if not variant.precision:
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    shape = openvino_sessions.fixed({INPUT: (2, SIZE_PX, SIZE_PX)}, batch)
    return openvino_sessions.session(path, options, shape, variant.precision)


def board() -> Images:
    """A part with defects and its golden image, uint8 [1, 2, 640, 640]."""
    seen = pair(5)
    return np.stack([seen.part, seen.golden])[None]


def latencies(
    sessions: Mapping[Key, Any], images: Images, rounds: int, runs: int, report: Callable[[], None]
) -> dict[Key, list[float]]:
    """Milliseconds of every call, by session; they take turns, so that whatever disturbs them disturbs them alike."""
    taken: dict[Key, list[float]] = {key: [] for key in sessions}
    for _ in range(rounds):
        report()
        for key, of in sessions.items():
            taken[key] += _runs(of, images, runs)
    return taken


def _runs(of: Any, images: Images, runs: int) -> Sequence[float]:
    taken = []
    for _ in range(_LEAD_RUNS + runs):
        began = time.perf_counter()
        of.run([OUTPUT], {INPUT: images})
        taken.append(1e3 * (time.perf_counter() - began))
    return taken[_LEAD_RUNS:]
