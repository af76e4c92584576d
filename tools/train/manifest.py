"""What is known about an exported model: what it is, what it was made from, how it may be used."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from services.contracts.envelope import MANIFEST_FILE
from tools.boards.deeppcb import DeepPcb

LABELS = "labels.txt"
EXPORTED, SERVED, SYMMETRIC = "1/model_fp32.onnx", "1/model.onnx", "1/model_qdq.onnx"
"""Within a model folder: the network as trained, in eight bits as CPUs serve it, and in eight bits for TensorRT."""

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


def files(model: Path) -> dict[str, str]:
    """SHA-256 of what a verdict depends on, by name within the model folder.

    Not of config.pbtxt: how many instances and threads serve it is the plant's own affair.
    """
    return {
        name: hashlib.sha256((model / name).read_bytes()).hexdigest() for name in (SERVED, EXPORTED, SYMMETRIC, LABELS)
    }


def describe(model: Path, run: Run, commit: str, parameters: int) -> dict[str, Any]:
    """What is known before anything was measured."""
    about = {"name": model.name, "files": files(model), "parameters": parameters, "code_commit": commit}
    return {**about, **SIGNATURE, "training": asdict(run)}


def read(model: Path) -> dict[str, Any]:
    """The manifest of a model folder. Raises OSError or ValueError."""
    found: dict[str, Any] = json.loads((model / MANIFEST_FILE).read_text())
    return found


def threshold(model: Path) -> float:
    """The frozen threshold."""
    return float(read(model)["threshold"])


def _write(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")
