"""A folder that one service has for itself for as long as it lives."""

import fcntl
from pathlib import Path
from typing import IO

from services.chassis.errors import Conflict


def claim(folder: Path) -> IO[bytes]:
    """Lock the folder until what is returned is closed, or the process dies; it is made when it is not there.

    Raises Conflict while another service has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        fix = "give each inference service a work_dir of its own"
        raise Conflict(f"another service uses {folder}", field="work_dir", fix=fix) from None
    return lock
