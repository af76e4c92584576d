"""Finding and ending what a part left behind: its own children, or everything after a supervisor was killed with -9.

Each part carries a mark in its environment and its children inherit it, whatever session or group they chose.
"""

import contextlib
import time
from pathlib import Path

import psutil

MARK = "JIDOKA_PLANT_PART"


def mark(root: Path, part: str = "") -> str:
    """The mark of one part of one plant; without a part, the beginning of all marks of the plant."""
    return f"{root}#{part}"


def living(root: Path, part: str = "") -> list[psutil.Process]:
    """The processes that carry the mark."""
    wanted = mark(root, part)
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            carried = process.environ().get(MARK, "")
            if carried == wanted or (not part and carried.startswith(wanted)):
                found.append(process)
    return found


def end(root: Path, part: str = "", deadline_s: float = 5.0) -> list[psutil.Process]:
    """Kill them and wait until they are gone; returns those that would not go."""
    found = living(root, part)
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.kill()
    ends = time.monotonic() + deadline_s
    while (left := [process for process in found if _lives(process)]) and time.monotonic() < ends:
        time.sleep(0.02)
    return left


def _lives(process: psutil.Process) -> bool:
    """Not so a zombie: in a container nobody may be there to collect it, and it holds no port."""
    with contextlib.suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False
