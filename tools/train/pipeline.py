"""From a checkpoint to a served model, behind `jidoka export | freeze`."""

from pathlib import Path

from tools.boards.deeppcb import DeepPcb
from tools.train import manifest
from tools.train.evaluate import Detector
from tools.train.evaluate import evaluate as measure
from tools.train.export import export as export_onnx
from tools.train.learn import drawn
from tools.train.quantize import quantize
from tools.train.state import averaged

_CALIBRATION_PAIRS, _CALIBRATION_BOARDS = 64, 8


def export(run: Path, data: Path, model: Path) -> int:
    """Writes the averaged network of the run in `run` into `model`, with its manifest; returns its step.

    1/model_fp32.onnx is the network itself, 1/model.onnx the same in eight bits, calibrated on 64 of the pairs in
    `data` that it was trained on and on 8 generated ones. Raises ValueError when `data` are not what it was trained on.
    """
    trained = manifest.Run.load(run)
    seen = DeepPcb(data).without(trained.holdout)
    if manifest.fingerprint(seen) != trained.data_fingerprint:
        raise ValueError(f"{data} does not hold the pairs that {run} was trained on")
    network, step = averaged(run / "checkpoint.pt")
    (model / "1").mkdir(parents=True, exist_ok=True)
    export_onnx(network, model / manifest.EXPORTED)
    every = max(1, len(seen) // _CALIBRATION_PAIRS)
    calibration = seen[: every * _CALIBRATION_PAIRS : every] + drawn(_CALIBRATION_BOARDS)
    quantize(model / manifest.EXPORTED, model / manifest.SERVED, calibration)
    manifest.describe(model, trained)
    return step


def freeze(data: Path, model: Path, *, holdout: list[str], boards: int, keep: bool) -> dict[str, float]:
    """All figures of the exported model at a threshold chosen here and written down, or with `keep` at the old one."""
    held_out = DeepPcb(data).only(holdout)[:]
    known = manifest.threshold(model) if keep else None
    chosen, figures = measure(Detector(model / manifest.SERVED), held_out, boards, known)
    if not keep:
        manifest.freeze(model, chosen, figures)
    return {"threshold": chosen, **figures}
