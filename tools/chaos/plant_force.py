"""With what an ordeal acts on a plant: signals, ballast for a disk, and the patience to ask until it is done."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import psutil
from nats.errors import Error as NatsError

from services.chassis.errors import Unavailable

_CHUNK = 1 << 20
_TRIES_S, _PAUSE_S = 120.0, 0.5
_AWAY = (NatsError, TimeoutError, OSError, Unavailable, httpx.HTTPError)


def send(pid: int, number: signal.Signals) -> None:
    """A signal to a process that may have died, and whose number nobody else may have got since."""
    with contextlib.suppress(psutil.Error, ProcessLookupError):
        if pid and psutil.Process(pid).is_running():
            os.kill(pid, number)


def fill(path: os.PathLike[str]) -> None:
    """Write until there is no room left on that disk."""
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:  # noqa: PTH123  # until there is no room
        while True:
            file.write(bytes(_CHUNK))
    with contextlib.suppress(OSError), open(path, "ab", buffering=0) as file:  # noqa: PTH123  # to the last page
        while file.write(bytes(4096)):
            pass


async def patiently(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Once it can be done: whoever is asked may be down at the moment. Raises TimeoutError with the last refusal."""
    ends = time.monotonic() + _TRIES_S
    while True:
        try:
            async with asyncio.timeout(_TRIES_S):
                return await ask()
        except _AWAY as error:
            if time.monotonic() > ends:
                raise TimeoutError(repr(error)) from error
        await asyncio.sleep(_PAUSE_S)
