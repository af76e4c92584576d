"""The three steps from labelled pairs to a served model, behind the `jidoka train | export | freeze` commands."""

from collections.abc import Callable
from pathlib import Path

import cv2
import torch

from tools.boards.board import Pair
from tools.boards.deeppcb import DeepPcb
from tools.boards.generator import pair
from tools.train import manifest
from tools.train.evaluate import Detector
from tools.train.evaluate import evaluate as measure
from tools.train.export import export as export_onnx
from tools.train.quantize import quantize
from tools.train.trainer import Plan, State
from tools.train.trainer import train as run_training

_FIRST_BOARD = 1_000_000
"""Board numbers from here on are for training; the demo and the evaluation use lower ones."""
_CALIBRATION_PAIRS, _CALIBRATION_BOARDS = 64, 8

Report = Callable[[str], None]


def train(
    data: Path, out: Path, plan: Plan, *, holdout: list[str], generated: int, resume: bool, threads: int, report: Report
) -> None:
    """Trains on all groups but `holdout` and `generated` boards of our own; leaves checkpoint.pt and run.json in `out`.

    Every tenth generated board is a good one. Raises BoardError for a data set that cannot be used.
    """
    torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    out.mkdir(parents=True, exist_ok=True)
    seen = DeepPcb(data).without(holdout)
    command = (
        f"jidoka train --data DIR --out RUN --holdout {','.join(holdout)} --steps {plan.steps} --seed {plan.seed}"
        f" --generated {generated} --threads {threads}" + " --resume" * resume
    )
    manifest.Run(command, plan.seed, plan.steps, holdout, generated, manifest.fingerprint(seen)).save(out)
    pairs = seen[:]
    drawn = _drawn(generated)
    report(f"{len(pairs)} pairs read, {len(drawn)} drawn")
    run_training(plan, pairs, drawn, out / "checkpoint.pt", resume=resume, report=report)


def _drawn(count: int) -> list[Pair]:
    return [pair(_FIRST_BOARD + number, [] if number % 10 == 0 else None) for number in range(count)]


def export(run: Path, data: Path, model: Path) -> int:
    """Writes the averaged network of the run in `run` into `model`, with its manifest; returns its step.

    1/model_fp32.onnx is the network itself, 1/model.onnx the same in eight bits, calibrated on 64 of the pairs in
    `data` that it was trained on and on 8 generated ones. Raises ValueError when `data` are not what it was trained on.
    """
    trained = manifest.Run.load(run)
    seen = DeepPcb(data).without(trained.holdout)
    if manifest.fingerprint(seen) != trained.data_fingerprint:
        raise ValueError(f"{data} does not hold the pairs that {run} was trained on")
    state = State.fresh(Plan(steps=1))
    state.load(run / "checkpoint.pt")
    (model / "1").mkdir(parents=True, exist_ok=True)
    export_onnx(state.average, model / manifest.EXPORTED)
    every = max(1, len(seen) // _CALIBRATION_PAIRS)
    calibration = seen[: every * _CALIBRATION_PAIRS : every] + _drawn(_CALIBRATION_BOARDS)
    quantize(model / manifest.EXPORTED, model / manifest.SERVED, calibration)
    manifest.describe(model, trained)
    return state.step


def freeze(data: Path, model: Path, *, holdout: list[str], boards: int, keep: bool) -> dict[str, float]:
    """All figures of the exported model at a threshold chosen here and written down, or with `keep` at the old one."""
    held_out = DeepPcb(data).only(holdout)[:]
    known = manifest.threshold(model) if keep else None
    chosen, figures = measure(Detector(model / manifest.SERVED), held_out, boards, known)
    if not keep:
        manifest.freeze(model, chosen, figures)
    return {"threshold": chosen, **figures}
