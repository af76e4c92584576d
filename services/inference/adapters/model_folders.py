"""The model repository on disk: whether a model's folder holds what Triton will want, and which bytes they are."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from services.chassis.errors import Denied, NotFound
from services.contracts.envelope import PLAN_STATEMENT
from services.inference.adapters.served_file import PLAN, parse, served_file, without_strangers
from services.inference.adapters.trust import TrustedKeys

MODEL_FILE = "model.onnx"
LABELS_FILE = "labels.txt"


class ModelFolders:
    """`<root>/<model>/config.pbtxt` and `<root>/<model>/<version>/model.onnx`."""

    def __init__(self, root: Path, trusted: TrustedKeys, config_name: str = "") -> None:
        self._root = root
        self._trusted = trusted
        self._config_name = config_name

    def check(self, model: str) -> None:
        """Raise NotFound naming the folder, or Invalid naming the line: Triton's API gives no reason for either.

        Raise Denied when nobody whom this plant trusts has signed the very files that Triton would read.
        """
        folder = self._root / model
        if not any(folder.glob(f"*/{MODEL_FILE}")):
            fix = (
                f"put the model at {folder}/1/{MODEL_FILE} with {folder}/config.pbtxt, or correct the recipe's `model`"
            )
            raise NotFound(f"no model in {folder}", field=f"model {model}", fix=fix)
        path = self._config(folder)
        file = served_file(path, parse(path))
        signed: dict[str, str] = self._trusted.verify(folder)["files"]
        without_strangers(folder, signed)
        for version in sorted(path for path in folder.iterdir() if path.is_dir() and path.name.isdecimal()):
            _signed(version, file, signed)

    def _config(self, folder: Path) -> Path:
        """As Triton chooses it."""
        chosen = folder / "configs" / f"{self._config_name}.pbtxt"
        return chosen if self._config_name and chosen.is_file() else folder / "config.pbtxt"

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


def _signed(version: Path, file: str, signed: Mapping[str, str]) -> None:
    """Raises Denied when Triton would read a file that was not signed, or a plan that was not built from one."""
    field, path = f"model {version.parent.name}", version / file
    if path.suffix == PLAN:
        _built_from(path, signed, field)
    elif f"{version.name}/{file}" not in signed:
        fix = "correct default_model_filename, or export again"
        raise Denied(f"{path} would be served, and nobody has signed it", field=field, fix=fix)


def _built_from(plan: Path, signed: Mapping[str, str], field: str) -> None:
    fix = "run `jidoka engine build` on this node"
    try:
        stated = json.loads(plan.with_name(plan.name + PLAN_STATEMENT).read_bytes())
        source, whole = stated["source"], hashlib.sha256(plan.read_bytes()).hexdigest() == stated["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotFound(f"no plan at {plan} that says what it was built from", field=field, fix=fix) from error
    if not whole or source not in signed.values():
        raise Denied(f"{plan} was built from another model, or changed since", field=field, fix=fix)
