"""Where parts write, and how little of it is kept: two files of LOG_BYTES each."""

import os
import shutil
from pathlib import Path
from typing import BinaryIO

LOG_BYTES = 16 << 20


def log_file(root: Path, part: str) -> Path:
    """Where a part writes its log."""
    return root / "logs" / f"{part}.log"


def open_log(root: Path, part: str) -> BinaryIO:
    """The log, to append to; a big one is set aside first."""
    path = log_file(root, part)
    path.parent.mkdir(parents=True, exist_ok=True)
    bound(path)
    return path.open("ab")


def bound(path: Path) -> None:
    """Set the end of a big log aside and begin anew, also while its writer lives: it appends, so it goes on at 0.

    A line written between copy and cut is lost. Raises OSError.
    """
    if not path.exists() or path.stat().st_size <= LOG_BYTES:
        return
    aside = path.with_suffix(".log.1")
    try:
        with path.open("rb") as big, aside.open("wb") as kept:
            big.seek(-LOG_BYTES, os.SEEK_END)
            shutil.copyfileobj(big, kept)
    except OSError:
        aside.unlink(missing_ok=True)  # on a full disk room is worth more than old lines
    os.truncate(path, 0)


def bound_all(root: Path) -> None:
    """All logs of a plant. Raises OSError."""
    for path in (root / "logs").glob("*.log"):
        bound(path)


def last_line(root: Path, part: str) -> str:
    """What a part said last; empty when it said nothing that could be written."""
    try:
        lines = log_file(root, part).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
