"""Work that goes on in the background for as long as the service has the duty."""

import asyncio
import contextlib
import logging
import random
from typing import Any

from services.chassis.errors import Unavailable
from services.chassis.run import cancel, spawn

log = logging.getLogger("jidoka.mes")
LONGEST_REST_S = 15.0  # the wall clock may jump and the age in the metrics grows
_SHORTEST_RETRY_S, _LONGEST_RETRY_S = 0.2, 10.0


class Worker:
    """Works in the background, then rests until it is woken or until its next appointment."""

    def __init__(self) -> None:
        self._awake = asyncio.Event()
        self._task: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        self._task = spawn(self._work_forever(), type(self).__name__.lower())

    async def stop(self) -> None:
        """Stop at once; what is in hand is looked up after the next start."""
        await cancel(self._task)

    def wake(self) -> None:
        """There is something to do."""
        self._awake.set()

    async def work(self) -> float:
        """Do what is to be done; returns after how many seconds there may be more. May raise Unavailable."""
        raise NotImplementedError

    async def _work_forever(self) -> None:
        failures, said = 0, ""
        while True:
            self._awake.clear()
            try:
                rest_s = await self.work()
            except (
                Exception
            ) as error:  # the end of this task is the end of the service: a bug waits like a lost database
                said = self._say(error, said)
                failures += 1
                ceiling_s = min(_SHORTEST_RETRY_S * 2 ** min(failures, 10), _LONGEST_RETRY_S)
                await asyncio.sleep(ceiling_s * random.uniform(0.5, 1.0))
                continue
            if failures:
                log.warning("%s goes on", type(self).__name__.lower())
                failures, said = 0, ""
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), min(rest_s, LONGEST_REST_S))

    def _say(self, error: Exception, said: str) -> str:
        """Once for each kind of failure; what nobody thought of with its traceback."""
        kind, name = type(error).__name__, type(self).__name__.lower()
        if kind == said:
            return said
        if isinstance(error, Unavailable):
            log.warning("%s pauses: %s", name, error)
        else:
            log.error("%s pauses: %s: %s", name, kind, error, exc_info=error)
        return kind
