"""The use cases: take a request in, carry it to the MES, tell how it ended."""

import asyncio
import contextlib
import logging
import random
import time
from typing import Any

from prometheus_client import Gauge

from services.chassis.errors import Unavailable
from services.chassis.run import cancel, spawn
from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.breaker import Breaker, Circuit
from services.mes_connector.domain.order import OPEN_STATES, Order, Patience, State, Step
from services.mes_connector.domain.work_request import WorkRequest
from services.mes_connector.ports import Herald, Mes, Outbox

log = logging.getLogger("jidoka.mes")
DEPTH = Gauge("jidoka_outbox_depth", "Work requests on their way into the MES")
OLDEST_AGE = Gauge("jidoka_outbox_oldest_age_seconds", "How long the oldest of them has waited")
DEAD = Gauge("jidoka_outbox_dead", "Work requests that wait for a person")
PAUSED = Gauge("jidoka_mes_paused", "1 while the MES is left alone, 2 while it refuses our credentials")

_LONGEST_REST_S = 15.0  # the wall clock may jump and the age in the metrics grows
_SHORTEST_RETRY_S, _LONGEST_RETRY_S = 0.2, 10.0


class _Worker:
    """Works in the background, then rests until it is woken or until its next appointment."""

    def __init__(self) -> None:
        self._awake = asyncio.Event()
        self._task: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        self._task = spawn(self._work_forever(), type(self).__name__.lower())

    async def stop(self) -> None:
        """Stop at once; an order in hand is looked up after the next start."""
        await cancel(self._task)

    def wake(self) -> None:
        """There is something to do."""
        self._awake.set()

    async def work(self) -> float:
        """Do what is to be done; returns after how many seconds there may be more. May raise Unavailable."""
        raise NotImplementedError

    async def _work_forever(self) -> None:
        failures = 0
        while True:
            self._awake.clear()
            try:
                rest_s = await self.work()
            except Unavailable as error:
                if not failures:
                    log.warning("%s pauses: %s", type(self).__name__.lower(), error)
                failures += 1
                ceiling_s = min(_SHORTEST_RETRY_S * 2 ** min(failures, 10), _LONGEST_RETRY_S)
                await asyncio.sleep(ceiling_s * random.uniform(0.5, 1.0))
                continue
            if failures:
                log.warning("%s goes on", type(self).__name__.lower())
                failures = 0
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), min(rest_s, _LONGEST_REST_S))


class Announcer(_Worker):
    """Tells the mesh the end of each order, at least once and always under the same message id."""

    def __init__(self, outbox: Outbox, herald: Herald, batch: int) -> None:
        super().__init__()
        self._outbox = outbox
        self._herald = herald
        self._batch = batch

    async def work(self) -> float:
        ended = await self._outbox.unannounced(self._batch)
        for order in ended:
            await self._herald.announce(order)
            await self._outbox.announced(order.request.key)
        return 0.0 if ended else _LONGEST_REST_S


class Pump(_Worker):
    """Carries due orders to the MES, one at a time, as fast as the MES likes it."""

    def __init__(
        self, outbox: Outbox, mes: Mes, announcer: Announcer, *, breaker: Breaker, patience: Patience, batch: int
    ) -> None:
        super().__init__()
        self._outbox = outbox
        self._mes = mes
        self._announcer = announcer
        self._breaker = breaker
        self._patience = patience
        self._batch = batch

    async def work(self) -> float:
        if self._breaker.circuit(time.time()) is Circuit.HALF_OPEN:
            self._learn(await self._mes.probe())
        for order in await self._outbox.due(time.time(), self._batch):
            await self._carry(order)
        return await self._rest_s()

    async def _carry(self, order: Order) -> None:
        step = order.next_step(time.time(), self._breaker, self._patience)
        if step is Step.WAIT:
            return
        if step is Step.GIVE_UP:
            await self._end(order.given_up(time.time()), order.attempts)
            return
        claimed = order.claimed(time.time(), self._patience)
        if not await self._outbox.write(claimed, order.attempts):
            return
        answer = await self._ask(claimed, step)
        self._learn(answer)
        await self._end(claimed.settled(answer, time.time(), self._patience, random.random()), claimed.attempts)

    async def _ask(self, order: Order, step: Step) -> Answer:
        if step is Step.LOOK_UP:
            found = await self._mes.find(order.request.key)
            if found.outcome is not Outcome.ABSENT:
                return found
        return await self._mes.create(order)

    async def _end(self, order: Order, attempts: int) -> None:
        if not await self._outbox.write(order, attempts) or order.state in OPEN_STATES:
            return
        if order.state is State.DEAD:
            log.error("work request %s is dead: %s", order.request.key, order.last_error)
        self._announcer.wake()

    def _learn(self, answer: Answer) -> None:
        before = self._breaker
        self._breaker = before.after(answer, time.time(), random.random())
        PAUSED.set(2 if self._breaker.locked_out else bool(self._breaker.probes_at))
        if self._breaker.locked_out and not before.locked_out:
            log.critical(
                "ALARM: the MES refuses our credentials, nothing is sent until it takes them: %s", answer.reason
            )
        elif self._breaker.probes_at and not before.probes_at:
            log.warning("the MES is left alone for a while: %s", answer.reason)
        elif before.probes_at and not self._breaker.probes_at:
            log.warning("the MES is back")

    async def _rest_s(self) -> float:
        backlog = await self._outbox.backlog()
        now = time.time()
        DEPTH.set(backlog.depth)
        DEAD.set(backlog.dead)
        OLDEST_AGE.set(now - backlog.oldest_at if backlog.oldest_at else 0)
        appointment = max(backlog.next_attempt_at or now + _LONGEST_REST_S, self._breaker.probes_at)
        return max(appointment - now, 0.0)


class Intake:
    """Takes requests in."""

    def __init__(self, outbox: Outbox, pump: Pump) -> None:
        self._outbox = outbox
        self._pump = pump

    async def take(self, request: WorkRequest, traceparent: str) -> None:
        """Keep it; returns once it is durable. A key that is known already changes nothing. Raises Unavailable."""
        if await self._outbox.add(Order.new(request, traceparent, time.time())):
            self._pump.wake()
