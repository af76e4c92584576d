"""Blocking work that may hang for ever, in a thread that nobody waits for."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class BusyError(Exception):
    """What was begun before has not come back yet; nothing was begun."""


class OneThread:
    """One piece of work at a time. Its thread is a daemon: the process ends without it (B11).

    Not the loop's own threads: they resolve names, too, and the loop waits for them without limit when it ends.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._busy = False

    async def run(self, work: Callable[[], T], deadline_s: float) -> T:
        """What `work` returns or raises. Raises TimeoutError: it is still at it, and BusyError until it comes back."""
        if self._busy:
            raise BusyError
        self._busy = True
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        threading.Thread(target=self._work, args=(work, answer), name=self._name, daemon=True).start()
        async with asyncio.timeout(deadline_s):
            return await answer

    def _work(self, work: Callable[[], Any], answer: asyncio.Future[Any]) -> None:
        try:
            result = work()
        except BaseException as error:  # it is raised where it is waited for
            tell = partial(answer.set_exception, error)
        else:
            tell = partial(answer.set_result, result)
        self._busy = False
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            answer.get_loop().call_soon_threadsafe(lambda: None if answer.done() else tell())
