"""An MES that is away for an hour: nothing is lost, it is left alone meanwhile, and it is not flooded afterwards."""

import random
from dataclasses import dataclass, field

import pytest
from test_order import REQUEST

from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.breaker import Breaker
from services.mes_connector.domain.order import OPEN_STATES, Backlog, Order, Patience, State
from services.mes_connector.domain.work_request import WorkRequest
from services.mes_connector.handlers.gate import Gate
from services.mes_connector.handlers.pump import Pump
from services.mes_connector.handlers.world import World

NOW, HOUR_S, PACE_S = 1_800_000_000.0, 3_600.0, 0.5
PATIENCE = Patience(deadline_s=5, base_s=2, cap_s=900, after_timeout_s=60, give_up_s=24 * HOUR_S)


@dataclass
class Clock:
    """Goes on only when somebody sleeps."""

    at: float = NOW

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


@dataclass
class Memory:
    """An outbox in memory."""

    orders: dict[str, Order] = field(default_factory=dict)

    async def add(self, order: Order) -> bool:
        return self.orders.setdefault(order.request.key, order) is order

    async def due(self, now: float, limit: int) -> list[Order]:
        waiting = [o for o in self.orders.values() if o.state in OPEN_STATES and o.next_attempt_at <= now]
        return sorted(waiting, key=lambda order: order.created_at)[:limit]

    async def write(self, order: Order, attempts: int) -> bool:
        stands = self.orders[order.request.key]
        if stands.attempts != attempts or stands.state not in OPEN_STATES:
            return False
        self.orders[order.request.key] = order
        return True

    async def backlog(self) -> Backlog:
        waiting = [order for order in self.orders.values() if order.state in OPEN_STATES]
        dead = sum(order.state is State.DEAD for order in self.orders.values())
        oldest = min((order.created_at for order in waiting), default=None)
        return Backlog(len(waiting), dead, oldest, min((order.next_attempt_at for order in waiting), default=None))


@dataclass
class System:
    """Opens orders; while away it fails as `failure` says, and takes what it is asked for all the same if told to."""

    clock: Clock
    away: tuple[float, float]
    failure: Outcome
    opened: list[str] = field(default_factory=list)
    asked_at: list[float] = field(default_factory=list)
    most_at_once: int = 0
    _now_in: int = 0

    async def _answer(self, otherwise: Answer) -> Answer:
        self._now_in += 1
        self.most_at_once = max(self.most_at_once, self._now_in)
        self.asked_at.append(self.clock.at)
        await self.clock.sleep(5.0 if self.is_away and self.failure is Outcome.UNKNOWN else 0.02)
        self._now_in -= 1
        return Answer(self.failure, reason="away") if self.is_away else otherwise

    @property
    def is_away(self) -> bool:
        return self.away[0] <= self.clock.at < self.away[1]

    async def find(self, key: str) -> Answer:
        found = Answer(Outcome.OPENED, external_id=key) if key in self.opened else Answer(Outcome.ABSENT)
        return await self._answer(found)

    async def probe(self) -> Answer:
        return await self._answer(Answer(Outcome.ABSENT))

    async def create(self, order: Order) -> Answer:
        if not self.is_away or self.failure is Outcome.UNKNOWN:
            self.opened.append(order.request.key)
        return await self._answer(Answer(Outcome.OPENED, external_id=order.request.key))


class Silent:
    """Announces nothing."""

    def wake(self) -> None:
        pass


def asked_for(number: int) -> WorkRequest:
    return WorkRequest(**{**vars(REQUEST), "key": f"k{number}"})


async def two_hours(system: System, clock: Clock, seed: int) -> Memory:
    """A request every ten seconds for two hours, and on until all of them have ended."""
    outbox, world = Memory(), World(clock.now, clock.sleep, random.Random(seed).random)
    gate = Gate(system, Breaker(5, 5.0, 300.0), PACE_S, world)
    pump = Pump(outbox, gate, Silent(), PATIENCE, 100, world)
    coming = [NOW + 10.0 * number for number in range(720)]
    while coming or any(order.state in OPEN_STATES for order in outbox.orders.values()):
        while coming and coming[0] <= clock.at:
            at = coming.pop(0)
            await outbox.add(Order.new(asked_for(720 - len(coming)), "", at))
        rest_s = await pump.work()
        await clock.sleep(min([max(rest_s, 0.01), 15.0, *(max(at - clock.at, 0.01) for at in coming[:1])]))
        assert clock.at < NOW + 12 * HOUR_S, "it never came to an end"
    return outbox


@pytest.mark.parametrize("failure", [Outcome.AWAY, Outcome.UNKNOWN])
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_an_hour_without_an_mes_loses_nothing_and_floods_nothing(failure: Outcome, seed: int):
    clock = Clock()
    gone, back = NOW + HOUR_S / 2, NOW + 3 * HOUR_S / 2
    system = System(clock, (gone, back), failure)
    outbox = await two_hours(system, clock, seed)

    assert sorted(system.opened) == sorted(outbox.orders), "one order for each request, none twice"
    assert {order.state for order in outbox.orders.values()} == {State.SENT}
    during = [at for at in system.asked_at if gone <= at < back]
    assert len(during) < 60, "the breaker leaves it alone: a probe every few minutes, not 360 requests"
    after = [at for at in system.asked_at if at >= back]
    turns = [b - a for a, b in zip(after, after[2:], strict=False)]
    assert min(turns) >= PACE_S - 0.02 - 1e-6, "a look-up and a request make a turn, and turns keep their distance"
    assert system.most_at_once == 1
    assert max(order.updated_at for order in outbox.orders.values()) < back + HOUR_S, "the backlog is gone in an hour"
