"""Slots in POSIX shared memory that Triton reads in place: a frame is written once and copied by nobody.

A region is alive while somebody holds the lock (flock) on its file, which the kernel takes away with the process. Its
name says nothing of the kind: in a container the service is process 1 in every life, and pods that share /dev/shm do
not see each other's processes (B7).
"""

import asyncio
import contextlib
import fcntl
import mmap
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PREFIX = "jidoka-frames-"
"""Not the one of older releases, whose regions have no lock and would be taken for left over."""
_FOLDER = Path("/dev/shm")  # noqa: S108  # POSIX shared memory, not a temporary file


class Slots:
    """`count` slots of `slot_bytes` each in one region named `name`."""

    def __init__(self, count: int, slot_bytes: int) -> None:
        _sweep()
        self.slot_bytes = slot_bytes
        self.byte_size = self.slot_bytes * count
        self.name, self._locked = _own_region()
        try:
            os.posix_fallocate(self._locked, 0, self.byte_size)  # a full /dev/shm fails here, not as SIGBUS later
            self._map = mmap.mmap(self._locked, self.byte_size)
        except OSError:
            self.close()
            raise
        self._views: NDArray[np.uint8] = np.frombuffer(self._map, np.uint8).reshape(count, slot_bytes)
        self._free: asyncio.Queue[int] = asyncio.Queue()
        for slot in range(count):
            self._free.put_nowait(slot)

    @asynccontextmanager
    async def take(self) -> AsyncIterator[tuple[int, NDArray[np.uint8]]]:
        """A free slot as (byte offset, its bytes); waits while all are in use."""
        slot = await self._free.get()
        try:
            yield slot * self.slot_bytes, self._views[slot]
        finally:
            self._free.put_nowait(slot)

    def close(self) -> None:
        """Remove the region; whoever still maps it keeps its pages."""
        (_FOLDER / self.name).unlink(missing_ok=True)
        os.close(self._locked)


def _own_region() -> tuple[str, int]:
    """A new region's name, and its file with our lock on it."""
    while True:
        name = f"{PREFIX}{secrets.token_hex(8)}"
        descriptor = os.open(_FOLDER / name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        # Another one's sweep may have come between the two lines: then it has the lock, or the file is gone.
        if _lock(descriptor) and os.fstat(descriptor).st_nlink:
            return name, descriptor
        os.close(descriptor)


def _sweep() -> None:
    """Remove regions whose process was killed: their lock is to be had."""
    for region in _FOLDER.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # it went meanwhile, or is not ours to open
            descriptor = os.open(region, os.O_RDWR | os.O_NOFOLLOW)
            try:
                if _lock(descriptor):
                    region.unlink()
            finally:
                os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Whether the lock is ours now; the next one to open the file finds it taken for as long as we live."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
