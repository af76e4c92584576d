"""From a checkpoint to a served model, behind `jidoka export | freeze`."""

import shutil
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.inference.adapters.model_folders import ModelFolders
from services.inference.adapters.trust import TrustedKeys
from tools.boards.board import Pair
from tools.boards.deeppcb import DeepPcb
from tools.train import gate, manifest, track
from tools.train.evaluate import Detector
from tools.train.evaluate import evaluate as measure
from tools.train.exchange import exchange
from tools.train.export import export as export_onnx
from tools.train.learn import drawn
from tools.train.quantize import quantize
from tools.train.sign import sign
from tools.train.state import averaged

_CALIBRATION_PAIRS, _CALIBRATION_BOARDS = 64, 8
_MADE_HERE = shutil.ignore_patterns("*.onnx", "*.plan", "*.plan.json", "manifest*")
Figures = dict[str, float]
Report = Callable[[str], None]


def export(
    run: Path, data: Path, model: Path, key: Ed25519PrivateKey, *, trust: Path, boards: int, report: Report
) -> Figures:
    """Puts the averaged network of the run in `run` into the model folder, or leaves the folder as it is.

    1/model_fp32.onnx is the network itself, 1/model.onnx the same in eight bits, calibrated on 64 of the pairs in
    `data` that it was trained on and on 8 generated ones, 1/model_qdq.onnx what TensorRT takes. They are made in a
    folder beside it, pass the parity gate there, are measured on the run's held-out groups, signed, held to what a
    plant that trusts the keys in `trust` checks, and enter in one move. Returns the figures; raises Disagreement,
    MeshError, or ValueError when `data` are not what it was trained on.
    """
    trained = manifest.Run.load(run)
    seen, unseen = DeepPcb(data).without(trained.holdout), DeepPcb(data).only(trained.holdout)
    if manifest.fingerprint(seen) != trained.data_fingerprint:
        raise ValueError(f"{data} does not hold the pairs that {run} was trained on")
    if not len(unseen):
        raise ValueError(
            f"{run} was trained on every group: no board is left to choose the threshold on; --holdout one"
        )
    network, step = averaged(run / "checkpoint.pt")
    staged = _staged(model)
    try:
        report(f"step {step}: to ONNX")
        export_onnx(network, staged / manifest.EXPORTED)
        report("to eight bits")
        calibration = _calibration(seen)
        quantize(staged / manifest.EXPORTED, staged / manifest.SERVED, calibration)
        quantize(staged / manifest.EXPORTED, staged / manifest.SYMMETRIC, calibration, symmetric=True)
        golden = gate.Golden.drawn()
        parity = gate.check(network, staged, golden, lambda who: report(f"the golden boards, by {who}"))
        report("the threshold, and the figures at it")
        threshold, figures = measure(Detector(staged / manifest.SERVED), unseen[:], boards)
        _catch_up(staged, model)
        parameters = sum(weights.numel() for weights in network.parameters())
        about = manifest.describe(staged, trained, track.commit(), parameters)
        frozen = round(threshold, 4)
        sign(staged, about | {"parity": parity.at(frozen), "threshold": frozen, "figures": figures}, key)
        ModelFolders(staged.parent, TrustedKeys(trust)).check(staged.name)
        exchange(model, staged)
    finally:
        shutil.rmtree(staged.parent)
    return {"threshold": threshold, **figures}


def _calibration(seen: DeepPcb) -> list[Pair]:
    every = max(1, len(seen) // _CALIBRATION_PAIRS)
    return seen[: every * _CALIBRATION_PAIRS : every] + drawn(_CALIBRATION_BOARDS)


def _staged(model: Path) -> Path:
    """A copy of the model folder without its networks, on the same disk: the configuration enters the gate as well."""
    if not (model / "config.pbtxt").is_file():
        raise ValueError(f"{model}: no config.pbtxt and labels.txt there; write them first, as in {model.parent}")
    staged = model.parent / f".staged-{model.name}" / model.name
    shutil.rmtree(staged.parent, ignore_errors=True)
    shutil.copytree(model, staged, ignore=_MADE_HERE)
    (staged / "1").mkdir(exist_ok=True)
    return staged


def _catch_up(staged: Path, model: Path) -> None:
    """Exporting takes minutes: what somebody wrote into the folder meanwhile comes along, or stops it."""
    if (staged / "config.pbtxt").read_bytes() != (model / "config.pbtxt").read_bytes():
        raise ValueError(f"{model}/config.pbtxt was changed after Triton had been asked under it: export again")
    shutil.copytree(model, staged, ignore=_MADE_HERE, dirs_exist_ok=True)


def freeze(
    data: Path, model: Path, *, holdout: list[str], boards: int, key: Ed25519PrivateKey | None, trust: Path
) -> Figures:
    """All figures of the model at a threshold chosen here and signed with `key`, or without one at the old one.

    Raises MeshError when there is a key and the model is not what somebody in `trust` has signed before.
    """
    about = TrustedKeys(trust).verify(model) if key else manifest.read(model)
    held_out = DeepPcb(data).only(holdout)[:]
    known = None if key else float(about["threshold"])
    chosen, figures = measure(Detector(model / manifest.SERVED), held_out, boards, known)
    if key:
        sign(model, about | {"threshold": round(chosen, 4), "figures": figures}, key)
    return {"threshold": chosen, **figures}
