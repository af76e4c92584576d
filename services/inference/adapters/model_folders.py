"""The model repository on disk: what of a model's folder may be served, and who vouches for it."""

import hashlib
import hmac
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.chassis.errors import Denied, Invalid, NotFound
from services.contracts.envelope import PLAN_STATEMENT, plan_seal
from services.inference.adapters.served_config import PLAN, allowed, parse
from services.inference.adapters.trust import TrustedKeys

MODEL_FILE, LABELS_FILE = "model.onnx", "labels.txt"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""No dot: it stands between a model and its digest in the name that is served."""
_INERT = {".pbtxt", ".json", ".md", ".svg", ".png"}
"""Nobody runs these: configurations, papers and pictures, which may lie in the folder without a signature."""


@dataclass(frozen=True)
class Release:
    """The newest version of a signed model: what is to be copied, and how Triton is to run it."""

    model: str
    folder: Path
    version: str
    digest: str
    """SHA-256 of the signed network."""
    files: Mapping[str, str]
    """Within the folder, with the SHA-256 that each must have."""
    config: Any
    """A ModelConfig that says nothing but what is allowed."""


class ModelFolders:
    """`<root>/<model>/config.pbtxt` and `<root>/<model>/<version>/model.onnx`."""

    def __init__(self, root: Path, trusted: TrustedKeys, config_name: str = "", node_key: str = "") -> None:
        self._root = root
        self._trusted = trusted
        self._config_name = config_name
        self._node_key = node_key

    def stamp(self, model: str) -> object:
        """Name, size and times of every file of the model and of every trusted key: cheap, and good for no more."""
        found = []
        for path in (*(self._root / model).rglob("*"), *self._trusted.files()):
            try:
                about = path.lstat()
            except OSError:  # gone meanwhile: the next look has another stamp
                continue
            found.append((str(path), about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns))
        return sorted(found)

    def check(self, model: str) -> None:
        """Raise what `read` raises."""
        self.read(model)

    def read(self, model: str) -> Release:
        """What of the model may be served.

        Raises NotFound naming the folder, Invalid naming the line, and Denied when nobody whom this plant trusts has
        signed the very files that would be read.
        """
        folder, field = self._root / model, f"model {model}"
        if not _NAME.fullmatch(model):
            raise Invalid(f"{model!r} is no model's name", field=field, fix="use letters, digits, _ and -")
        if not any(folder.glob(f"*/{MODEL_FILE}")):
            fix = (
                f"put the model at {folder}/1/{MODEL_FILE} with {folder}/config.pbtxt, or correct the recipe's `model`"
            )
            raise NotFound(f"no model in {folder}", field=field, fix=fix)
        path = self._config(folder)
        said = parse(path)
        if said.name not in ("", model):
            raise Invalid(f"{path} is of model {said.name!r}", field=field, fix="correct its name, or take it out")
        config = allowed(path, said)
        signed: dict[str, str] = self._trusted.verify(folder)["files"]
        _without_strangers(folder, signed)
        if LABELS_FILE not in signed:
            fix = f"write one class name per line to {folder / LABELS_FILE}, and export again"
            raise NotFound(f"boxes without names are worth nothing: {LABELS_FILE} is not signed", field=field, fix=fix)
        versions = [path for path in folder.iterdir() if path.is_dir() and path.name.isdecimal()]
        newest = max(versions, key=lambda version: int(version.name))
        digest, plan = self._network(folder, f"{newest.name}/{config.default_model_filename}", signed)
        files = {name: sha for name, sha in signed.items() if name.startswith(f"{newest.name}/") or name == LABELS_FILE}
        return Release(model, folder, newest.name, digest, files | plan, config)

    def _network(self, folder: Path, name: str, signed: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """The SHA-256 of the signed network that would be served, and that of the plan that was built from it."""
        if name.endswith(PLAN):
            digest, of_plan = self._plan(folder / name, signed, f"model {folder.name}")
            return digest, {name: of_plan}
        if name not in signed:
            fix = "correct default_model_filename, or export again"
            path, field = folder / name, f"model {folder.name}"
            raise Denied(f"{path} would be served, and nobody has signed it", field=field, fix=fix)
        return signed[name], {}

    def _config(self, folder: Path) -> Path:
        """As Triton chooses it."""
        chosen = folder / "configs" / f"{self._config_name}.pbtxt"
        return chosen if self._config_name and chosen.is_file() else folder / "config.pbtxt"

    def _plan(self, plan: Path, signed: Mapping[str, str], field: str) -> tuple[str, str]:
        """What a plan was built from, and its own SHA-256, as the node that built it vouches for both (S2)."""
        fix = "run `jidoka engine build --node-key FILE` on this node, with the file of plan_key_file"
        try:
            stated = json.loads(plan.with_name(plan.name + PLAN_STATEMENT).read_bytes())
            source, sha256, seal = (str(stated[key]) for key in ("source", "sha256", "seal"))
            found = hashlib.sha256(plan.read_bytes()).hexdigest()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotFound(f"no plan at {plan} that says who built it from what", field=field, fix=fix) from error
        if not self._node_key or not hmac.compare_digest(seal, plan_seal(self._node_key, source, sha256)):
            raise Denied(f"{plan}: its statement is not of this node", field=field, fix=fix)
        if found != sha256 or source not in signed.values():
            raise Denied(f"{plan} was built from another model, or changed since", field=field, fix=fix)
        return source, sha256


def _without_strangers(model: Path, signed: Mapping[str, str]) -> None:
    """Raises Denied when something lies in the folder that is neither signed nor inert, or lies elsewhere (S1)."""
    field = f"model {model.name}"
    found = [model, *(Path(at, name) for at, folders, files in os.walk(model) for name in (*folders, *files))]
    for path in sorted(found):
        if path.is_symlink():
            raise Denied(f"{path} is a link", field=field, fix="put what it points to in its place")
        if path.is_dir() or path.suffix in _INERT | {PLAN} or path.relative_to(model).as_posix() in signed:
            continue
        raise Denied(f"{path} is not in the signed manifest", field=field, fix="take it away")
    for name in signed:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise Denied(f"{name!r} in the manifest is outside the folder", field=field, fix="export it again")
