"""Time and chance, so that an hour can be tested in a second."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class World:
    """What nobody here decides."""

    now: Callable[[], float] = time.time
    """Unix seconds."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    draw: Callable[[], float] = random.random
    """0 .. 1, for jitter."""


REAL = World()
