"""Disks of the broker's own: a small one that can run full, and one whose power can be cut. Mounts nobody else sees."""

import contextlib
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

DISK_MIB = 512
Store = Callable[[Path], Sequence[str]]
"""Makes a launcher that mounts something at the broker's folder, and ends in what it launches."""


def private_mounts() -> tuple[str, ...] | None:
    """How to start somebody with mounts of their own: as root, else as root of a world of their own; None: not here."""
    for how in (("unshare", "--mount"), ("unshare", "--map-root-user", "--mount")):
        with contextlib.suppress(OSError):
            tried = [*how, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
            if subprocess.run(tried, capture_output=True, check=False).returncode == 0:
                return how
    return None


def on_a_small_disk() -> Store | None:
    """A broker on a disk of DISK_MIB in memory; None where we may mount nothing."""
    how = private_mounts()
    return None if how is None else lambda folder: _mounted(how, f"-t tmpfs -o size={DISK_MIB}m tmpfs", folder)


def on_an_image(image: Path) -> Store:
    """A broker on a file system in a file, which shows what has reached the disk. For root alone."""
    return lambda folder: _mounted(("unshare", "--mount"), f"-o loop {image}", folder)


def _mounted(how: Sequence[str], what: str, folder: Path) -> Sequence[str]:
    return (*how, "sh", "-c", f'mount {what} {folder} && exec "$@"', "sh")
