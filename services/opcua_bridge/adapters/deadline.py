"""A deadline for calls into asyncua."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """Raises TimeoutError after `seconds`, also where asyncio.timeout would not.

    When time is up in the turn of the loop in which the answer comes, asyncua's wait_for2 raises a subclass of
    CancelledError, which asyncio.timeout of Python 3.11 lets pass: the task would end as if somebody had cancelled it.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except asyncio.CancelledError as error:
        if (task := asyncio.current_task()) is None or task.cancelling():
            raise
        raise TimeoutError(f"no answer within {seconds:g} s") from error
