"""Slots in POSIX shared memory that Triton reads in place: a frame is written once and copied by nobody."""

import asyncio
import mmap
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PREFIX = "jidoka-preprocessing-"
_FOLDER = Path("/dev/shm")  # noqa: S108  # POSIX shared memory, not a temporary file


class Slots:
    """`count` slots of `slot_bytes` each in one region named `name`."""

    def __init__(self, count: int, slot_bytes: int) -> None:
        for stale in _FOLDER.glob(f"{PREFIX}*"):  # left by a process that was killed
            if not Path(f"/proc/{stale.name.removeprefix(PREFIX).split('-')[0]}").exists():
                stale.unlink(missing_ok=True)
        self.name = f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        self.slot_bytes = slot_bytes
        self.byte_size = self.slot_bytes * count
        descriptor = os.open(_FOLDER / self.name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self.byte_size)  # a full /dev/shm fails here, not as SIGBUS later
            self._map = mmap.mmap(descriptor, self.byte_size)
        finally:
            os.close(descriptor)
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
