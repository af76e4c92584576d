"""Two folders change places in one step, so that whoever looks meanwhile finds the one or the other, never none."""

import ctypes
import os
from pathlib import Path

_HERE, _EXCHANGE = -100, 2  # AT_FDCWD, RENAME_EXCHANGE: renameat2(2), Linux 3.15


def exchange(one: Path, other: Path) -> None:
    """Raises OSError, with both where they were.

    Where the file system cannot do it (NFS) or the system is not Linux, two renames must do.
    """
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    if rename is None or rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) != 0:
        _one_after_the_other(one, other)


def _one_after_the_other(one: Path, other: Path) -> None:
    aside = one.with_name(f"{one.name}.aside")
    one.rename(aside)
    try:
        other.rename(one)
    except BaseException:
        aside.rename(one)
        raise
    aside.rename(other)
