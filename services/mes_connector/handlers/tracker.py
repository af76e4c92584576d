"""Sees how orders end in the MES."""

import logging

from prometheus_client import Gauge

from services.mes_connector.domain.answer import Outcome
from services.mes_connector.domain.progress import Filed, Progress, Status
from services.mes_connector.handlers.announcer import Announcer
from services.mes_connector.handlers.gate import Gate
from services.mes_connector.handlers.worker import Worker
from services.mes_connector.handlers.world import REAL, World
from services.mes_connector.ports import FollowUp

log = logging.getLogger("jidoka.mes")
FOLLOWED = Gauge("jidoka_mes_orders_followed", "Orders that were asked after in the last round of questions")


class Tracker(Worker):
    """Asks after every open order once in `every_s`, many in one question."""

    def __init__(
        self,
        follow_up: FollowUp,
        gate: Gate,
        announcer: Announcer,
        *,
        every_s: float,
        settle_s: float,
        batch: int,
        world: World = REAL,
    ) -> None:
        """An MES may not see for `settle_s` what it has just taken: so long nothing counts as gone."""
        super().__init__()
        self._follow_up = follow_up
        self._gate = gate
        self._announcer = announcer
        self._every_s = every_s
        self._settle_s = settle_s
        self._batch = batch
        self._world = world

    async def work(self) -> float:
        """One round. Raises Unavailable while the database is away."""
        await self._gate.reopen()
        began, seen = self._world.now(), 0
        while self._gate.is_open:
            filed = await self._follow_up.open_orders(began - self._every_s, self._batch)
            if not filed or not await self._ask(filed):
                break
            seen += len(filed)
        FOLLOWED.set(seen)
        return self._every_s

    async def _ask(self, filed: dict[Filed, float]) -> bool:
        async with self._gate.turn() as mes:
            polled = await mes.progress(list(filed))
        self._gate.learn(polled.answer)
        complete = polled.answer.outcome is Outcome.OPENED
        if not complete:
            log.debug("the MES does not say how all orders stand: %s", polled.answer.reason)
        now = self._world.now()
        filed_at = {order.key: at for order, at in filed.items()}
        for progress in polled.orders:
            if progress.status is Status.GONE and now - filed_at.get(progress.key, now) < self._settle_s:
                continue
            await self.take(progress)
        answered = filed if complete else polled.orders
        await self._follow_up.asked([order.key for order in answered], now)
        return complete

    async def take(self, progress: Progress) -> None:
        """Keep where an order stands, polled or told; what has ended stays so. Raises Unavailable."""
        if await self._follow_up.progressed(progress, self._world.now()):
            log.info("order %s (%s) is %s", progress.external_id, progress.key, progress.status.value)
            self._announcer.wake()
