"""Carries orders to the MES."""

import logging

from prometheus_client import Gauge

from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.order import OPEN_STATES, Order, Patience, State, Step
from services.mes_connector.handlers.announcer import Announcer
from services.mes_connector.handlers.gate import Gate
from services.mes_connector.handlers.worker import LONGEST_REST_S, Worker
from services.mes_connector.handlers.world import REAL, World
from services.mes_connector.ports import Mes, Outbox

log = logging.getLogger("jidoka.mes")
DEPTH = Gauge("jidoka_outbox_depth", "Work requests on their way into the MES")
OLDEST_AGE = Gauge("jidoka_outbox_oldest_age_seconds", "How long the oldest of them has waited")
DEAD = Gauge("jidoka_outbox_dead", "Work requests that wait for a person")


class Pump(Worker):
    """Carries due orders to the MES, one at a time, as fast as the gate lets it."""

    def __init__(
        self, outbox: Outbox, gate: Gate, announcer: Announcer, patience: Patience, batch: int, world: World = REAL
    ) -> None:
        super().__init__()
        self._outbox = outbox
        self._gate = gate
        self._announcer = announcer
        self._patience = patience
        self._batch = batch
        self._world = world

    async def work(self) -> float:
        await self._gate.reopen()
        for order in await self._outbox.due(self._world.now(), self._batch):
            await self._carry(order)
        return await self._rest_s()

    async def _carry(self, order: Order) -> None:
        step = order.next_step(self._world.now(), self._gate.breaker, self._patience)
        if step is Step.GIVE_UP:
            await self._end(order.given_up(self._world.now()), order.attempts)
        elif step is not Step.WAIT:
            async with self._gate.turn() as mes:
                await self._attempt(order, step, mes)

    async def _attempt(self, order: Order, step: Step, mes: Mes) -> None:
        claimed = order.claimed(self._world.now(), self._patience)
        if not await self._outbox.write(claimed, order.attempts):
            return
        if (answer := await self._ask(claimed, step, mes)) is None:
            return
        self._gate.learn(answer)
        settled = claimed.settled(answer, self._world.now(), self._patience, self._world.draw())
        await self._end(settled, claimed.attempts)

    async def _ask(self, order: Order, step: Step, mes: Mes) -> Answer | None:
        """None: we slept, and whoever sleeps over his claim may not be the one who has it any more."""
        awake_at = order.updated_at
        if step is Step.LOOK_UP:
            if self._slept(awake_at):
                return None
            awake_at = self._world.now()
            found = await mes.find(order.request.key)
            if found.outcome is not Outcome.ABSENT:
                return found
        return None if self._slept(awake_at) else await mes.create(order)

    def _slept(self, awake_at: float) -> bool:
        return self._world.now() - awake_at > self._patience.deadline_s

    async def _end(self, order: Order, attempts: int) -> None:
        if not await self._outbox.write(order, attempts) or order.state in OPEN_STATES:
            return
        if order.state is State.DEAD:
            log.error("work request %s is dead: %s", order.request.key, order.last_error)
        self._announcer.wake()

    async def _rest_s(self) -> float:
        backlog = await self._outbox.backlog()
        now = self._world.now()
        DEPTH.set(backlog.depth)
        DEAD.set(backlog.dead)
        OLDEST_AGE.set(now - backlog.oldest_at if backlog.oldest_at else 0)
        appointment_s = (backlog.next_attempt_at or now + LONGEST_REST_S) - now
        return max(appointment_s, self._gate.rest_s(), 0.0)
