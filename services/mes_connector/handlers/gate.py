"""The one way to the MES: one question at a time, not faster than it likes, none while it is to be left alone."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import Gauge

from services.mes_connector.domain.answer import Answer
from services.mes_connector.domain.breaker import Breaker, Circuit
from services.mes_connector.handlers.sheltered import Sheltered
from services.mes_connector.handlers.world import REAL, World
from services.mes_connector.ports import Mes

log = logging.getLogger("jidoka.mes")
PAUSED = Gauge("jidoka_mes_paused", "1 while the MES is left alone, 2 while it refuses our credentials")


class Gate:
    """Shared by all who ask the MES something: what one hears, the others heed."""

    def __init__(self, mes: Mes, breaker: Breaker, pace_s: float, world: World = REAL) -> None:
        """`pace_s` lies between the starts of two turns."""
        self.breaker = breaker
        self._mes = Sheltered(mes)
        self._pace_s = pace_s
        self._world = world
        self._next_turn_at = 0.0
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Mes]:
        """The MES, for one of us at a time."""
        async with self._lock:
            # At most one pace: the wall clock may have been set back.
            if (wait_s := min(self._next_turn_at - self._world.now(), self._pace_s)) > 0:
                await self._world.sleep(wait_s)
            self._next_turn_at = self._world.now() + self._pace_s
            yield self._mes

    @property
    def is_open(self) -> bool:
        """Whether it may be asked; after a pause only `reopen` may."""
        return self.breaker.circuit(self._world.now()) is Circuit.CLOSED

    def rest_s(self) -> float:
        """How long it is to be left alone; 0: not at all."""
        return max(self.breaker.probes_at - self._world.now(), 0.0)

    async def reopen(self) -> None:
        """After a pause one question decides, which changes nothing there; whoever comes first asks it."""
        if not self._half_open:
            return
        async with self.turn() as mes:
            if self._half_open:
                self.learn(await mes.probe())

    @property
    def _half_open(self) -> bool:
        return self.breaker.circuit(self._world.now()) is Circuit.HALF_OPEN

    def learn(self, answer: Answer) -> None:
        """Heed what the MES has said."""
        before = self.breaker
        self.breaker = before.after(answer, self._world.now(), self._world.draw())
        PAUSED.set(2 if self.breaker.locked_out else bool(self.breaker.probes_at))
        if self.breaker.locked_out and not before.locked_out:
            log.critical(
                "ALARM: the MES refuses our credentials, nothing is sent until it takes them: %s", answer.reason
            )
        elif self.breaker.probes_at and not before.probes_at:
            log.warning("the MES is left alone for a while: %s", answer.reason)
        elif before.probes_at and not self.breaker.probes_at:
            log.warning("the MES is back")
