"""The model repository on disk: whether a model's folder holds what Triton will want, and which bytes they are."""

import hashlib
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from services.chassis.errors import Invalid, NotFound
from services.inference.adapters.trust import TrustedKeys

MODEL_FILE = "model.onnx"
LABELS_FILE = "labels.txt"


class ModelFolders:
    """`<root>/<model>/config.pbtxt` and `<root>/<model>/<version>/model.onnx`."""

    def __init__(self, root: Path, trusted: TrustedKeys) -> None:
        self._root = root
        self._trusted = trusted

    def check(self, model: str) -> None:
        """Raise NotFound naming the folder, or Invalid naming the line: Triton's API gives no reason for either.

        Raise Denied when nobody whom this plant trusts has signed these very files.
        """
        folder = self._root / model
        if not any(folder.glob(f"*/{MODEL_FILE}")):
            fix = (
                f"put the model at {folder}/1/{MODEL_FILE} with {folder}/config.pbtxt, or correct the recipe's `model`"
            )
            raise NotFound(f"no model in {folder}", field=f"model {model}", fix=fix)
        parse(folder / "config.pbtxt")
        self._trusted.verify(folder)

    def digest(self, model: str, version: str) -> str:
        """SHA-256 of the version's model.onnx (which an engine is built from, too), in hex; empty without the file."""
        path = self._root / model / version / MODEL_FILE
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def labels(self, model: str) -> tuple[str, ...]:
        """Class names by index, one per line of labels.txt. Raises NotFound: boxes without names are worth nothing."""
        path = self._root / model / LABELS_FILE
        try:
            return tuple(path.read_text(encoding="utf-8").strip().splitlines())
        except OSError as error:
            fix = f"write one class name per line to {path}"
            raise NotFound(f"cannot read {path}: {error.strerror}", field=f"model {model}", fix=fix) from error


def parse(path: Path) -> model_config_pb2.ModelConfig:
    """A config.pbtxt as Triton's own message. Raises NotFound or Invalid naming file, line and column."""
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), model_config_pb2.ModelConfig())
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error.strerror}", field="config.pbtxt") from error
    except text_format.ParseError as error:
        raise Invalid(f"{path}:{error}", field="config.pbtxt", fix="correct that place") from error
