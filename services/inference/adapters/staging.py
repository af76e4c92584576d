"""The private copies that Triton is given instead of the model repository.

What was checked in a folder that others write to may be something else a moment later, when Triton reads it (S1, S10).
So exactly the signed files are copied, the copy is hashed, its configuration is written by us, and Triton knows no
other folder. A copy lies under the name of its network: `<model>.<first 8 of its SHA-256>/1/...`; its version is always
1 there, because versions of one name in Triton are not to be told apart (B2).
"""

import hashlib
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import IO

from google.protobuf import text_format

from services.chassis.errors import Denied, Exhausted
from services.inference.adapters.model_folders import LABELS_FILE, ModelFolders, Release
from services.inference.adapters.work_dir import claim
from services.inference.domain.models import TRITON_VERSION, Staged, served_name

_CONFIG = "config.pbtxt"


class Staging:
    """A folder that is ours alone while we hold its lock.

    `keep`: what an earlier life left stays until it is replaced, because a Triton of others may serve it.
    """

    def __init__(self, root: Path, folders: ModelFolders, *, keep: bool = False) -> None:
        self._root = root
        self._folders = folders
        self._keep = keep
        self._lock: IO[bytes] | None = None
        self._known: dict[str, Staged] = {}
        self._one_at_a_time = threading.Lock()

    @property
    def repository(self) -> Path:
        """What Triton is given as its model repository."""
        return self._root / "models"

    async def start(self) -> None:
        """Nothing yet: the folder is claimed with the first copy."""

    async def stop(self) -> None:
        """Give the folder back; Triton is gone, or reads its copies for itself."""
        self.close()

    def close(self) -> None:
        """Let another service have the folder."""
        if self._lock is not None:
            if not self._keep:
                _remove(self.repository)
            self._lock.close()
            self._lock = None

    def stamp(self, model: str) -> object:
        """Another one whenever the model's folder, or a trusted key, may be another one."""
        return self._folders.stamp(model)

    def stage(self, model: str) -> Staged:
        """A copy of the newest signed version. Raises a MeshError that names folder, file or place in it.

        Raises Conflict when another service has the folder.
        """
        with self._one_at_a_time:  # every model's watch has a thread of its own
            try:
                return self._staged(self._folders.read(model))
            except (OSError, ValueError) as error:  # nothing in a folder of others may end the supervision
                fix = "see that the files are whole and readable, and that the disk is not full"
                # Exhausted: worth another try though no file changes, once there is room again.
                kind = Exhausted if isinstance(error, OSError) else Denied
                raise kind(f"cannot copy it to {self._root}: {error}", field=f"model {model}", fix=fix) from error

    def _staged(self, release: Release) -> Staged:
        name = served_name(release.model, release.digest)
        self._claim()
        known = self._known.get(name)
        if known is not None and self._same(known, release):
            return replace(known, version=release.version)
        self._known[name] = self._copy(release, name)
        return self._known[name]

    def _same(self, known: Staged, release: Release) -> bool:
        """Whether nothing but the configuration may have changed, which can wait: the copy has proved that it loads."""
        if known.digest != release.digest:
            fix = "train it a little longer"
            raise Denied(f"{known.digest} begins like {release.digest}", field=f"model {release.model}", fix=fix)
        signed = {name: digest for name, digest in known.files.items() if name != _CONFIG}
        wanted = {_place(name, release): digest for name, digest in release.files.items()}
        return signed == wanted and _holds(self.repository / known.name, known)

    def _copy(self, release: Release, name: str) -> Staged:
        arriving, place = self._root / "arriving", self.repository / name
        try:
            _remove(arriving)
            staged = _copied(release, arriving / name)
            if not _holds(place, staged):
                _remove(place)
                (arriving / name).rename(place)
                _lock_up(place, group=self._keep)
            return staged
        finally:
            _remove(arriving)

    def check(self, staged: Staged) -> None:
        """Raise Denied unless the copy is still what was signed, with nothing beside it."""
        if not _holds(self.repository / staged.name, staged):
            fix = "nobody but this service should be able to write there; it is copied again"
            raise Denied(f"the copy {self.repository / staged.name} was changed", field=f"model {staged.name}", fix=fix)

    def forget(self, staged: Staged) -> None:
        """Remove the copy; nothing happens when it is gone."""
        self._known.pop(staged.name, None)
        _remove(self.repository / staged.name)

    def _claim(self) -> None:
        """Have the folder for ourselves; what a killed process left in it goes."""
        if self._lock is not None:
            return
        self.repository.mkdir(parents=True, exist_ok=True)
        self._root.chmod(0o750 if self._keep else 0o700)
        self._lock = claim(self._root)
        if not self._keep:
            for left in self.repository.iterdir():
                _remove(left)


def _place(name: str, release: Release) -> str:
    """Where a file of the release lies in the copy."""
    return f"{TRITON_VERSION}/{name.removeprefix(f'{release.version}/')}" if name != LABELS_FILE else name


def _copied(release: Release, place: Path) -> Staged:
    """Raises Denied when what arrived is not what was signed."""
    files = {}
    for name, digest in release.files.items():
        to = place / _place(name, release)
        to.parent.mkdir(parents=True, exist_ok=True)
        with (
            os.fdopen(os.open(release.folder / name, os.O_RDONLY | os.O_NOFOLLOW), "rb") as source,
            to.open("xb") as out,
        ):
            shutil.copyfileobj(source, out)
        if _digest(to) != digest:
            fix = "send it again under another name and rename it when it is whole, or export it again"
            raise Denied(f"{release.folder / name} changed meanwhile", field=f"model {release.model}", fix=fix)
        files[_place(name, release)] = digest
    config = place / _CONFIG
    config.write_text(text_format.MessageToString(release.config), encoding="utf-8")
    files[_CONFIG] = _digest(config)
    labels = tuple((place / LABELS_FILE).read_text(encoding="utf-8").strip().splitlines())
    return Staged(place.name, release.version, release.digest, labels, files)


def _holds(place: Path, staged: Staged) -> bool:
    """Whether exactly these files lie there."""
    try:
        found = {path.relative_to(place).as_posix(): path for path in place.rglob("*") if not path.is_dir()}
        if found.keys() != staged.files.keys() or any(path.is_symlink() for path in place.rglob("*")):
            return False
        return all(_digest(path) == staged.files[name] for name, path in found.items())
    except OSError:
        return False


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _lock_up(place: Path, *, group: bool) -> None:
    """To be read by us alone, and by the group of a Triton that others run."""
    for path in (place, *place.rglob("*")):
        mode = 0o550 if path.is_dir() else 0o440
        path.chmod(mode if group else mode & 0o700)


def _remove(place: Path) -> None:
    if not place.is_dir():
        return
    # Not through a link that somebody put there: its target is not ours.
    for folder in (place, *(path for path in place.rglob("*") if path.is_dir() and not path.is_symlink())):
        folder.chmod(0o700)
    shutil.rmtree(place)
