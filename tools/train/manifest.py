"""What is known about an exported model: what it is, what it was made from, how it may be used."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.boards.deeppcb import DeepPcb

EXPORTED, SERVED = "1/model_fp32.onnx", "1/model.onnx"
"""Within a model folder: the network as trained (GPUs start from it), and in eight bits (CPUs serve it)."""

SIGNATURE = {
    "inputs": {"images": "uint8 [B, 2, 640, 640]: part, golden"},
    "outputs": {"detections": "float32 [B, 100, 6]: x1 y1 x2 y2 score class"},
}


@dataclass(frozen=True)
class Run:
    """How a checkpoint came about; lies beside it as run.json."""

    command: str
    seed: int
    steps: int
    holdout: list[str]
    generated: int
    data_fingerprint: str

    def save(self, folder: Path) -> None:
        _write(folder / "run.json", asdict(self))

    @classmethod
    def load(cls, folder: Path) -> "Run":
        return cls(**json.loads((folder / "run.json").read_text()))


def fingerprint(data: DeepPcb) -> str:
    """SHA-256 over every name, image and label file of these pairs: equal exactly when the training data are equal."""
    digest = hashlib.sha256()
    for entry in sorted(data.entries, key=lambda entry: entry.name):
        digest.update(entry.name.encode())
        for path in (entry.part, entry.golden, entry.labels):
            digest.update(hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b"-")
    return digest.hexdigest()


def describe(model: Path, run: Run) -> None:
    """Writes manifest.json into the model folder; its threshold stays null until `freeze`."""
    digest, origin = (hashlib.sha256((model / name).read_bytes()).hexdigest() for name in (SERVED, EXPORTED))
    about = {"sha256": digest, "quantized_from": origin}
    _write(model / "manifest.json", {**about, **SIGNATURE, "threshold": None, "training": asdict(run)})


def freeze(model: Path, threshold: float, figures: dict[str, float]) -> None:
    """Writes the threshold, and the figures measured at it, into the manifest."""
    known = json.loads((model / "manifest.json").read_text())
    _write(model / "manifest.json", {**known, "threshold": round(threshold, 4), "figures": figures})


def threshold(model: Path) -> float:
    """The frozen threshold; ValueError when the model was never measured."""
    value = json.loads((model / "manifest.json").read_text())["threshold"]
    if value is None:
        raise ValueError(f"{model / 'manifest.json'} has no threshold yet: run `jidoka freeze` first")
    return float(value)


def _write(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")
