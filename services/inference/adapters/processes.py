"""What Linux knows about Triton's processes and shared memory (/proc, /dev/shm)."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

_PROC, _SHM = Path("/proc"), Path("/dev/shm")  # noqa: S108 - the region names there are ours, not temporary files


def dead_children(parent: int) -> set[int]:
    """Zombies of a process: for Triton a model process that died and will not come back (server issue 7230)."""
    return {pid for pid, state, its_parent in _processes() if state == "Z" and its_parent == parent}


def end_leftovers(executables: set[Path], mentioning: Path) -> list[int]:
    """Kill processes that run one of the executables on behalf of a folder; returns their ids."""
    ended = []
    for pid, state, _ in _processes():
        with contextlib.suppress(OSError):
            if state != "Z" and _executable(pid) in executables and _mentions(pid, mentioning):
                os.kill(pid, signal.SIGKILL)
                ended.append(pid)
    return ended


def sweep_shared_memory(prefix: str) -> list[str]:
    """Remove regions whose name starts with the prefix: a killed server leaves them; returns their names."""
    swept = []
    for region in _SHM.glob(f"{prefix}*"):
        with contextlib.suppress(FileNotFoundError):
            region.unlink()
            swept.append(region.name)
    return swept


def _processes() -> Iterator[tuple[int, str, int]]:
    """Process id, state letter and parent of everything that runs."""
    for entry in _PROC.iterdir():
        with contextlib.suppress(OSError, ValueError):
            pid = int(entry.name)
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            yield pid, state, int(parent)


def _executable(pid: int) -> Path:
    return Path(str((_PROC / str(pid) / "exe").readlink()).removesuffix(" (deleted)"))


def _mentions(pid: int, folder: Path) -> bool:
    return os.fsencode(folder) in (_PROC / str(pid) / "cmdline").read_bytes()
