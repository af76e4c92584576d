"""Who sleeps in the middle of an attempt asks for nothing any more: another may have taken the order over."""

import random

import pytest
from test_mes_away import NOW, PATIENCE, Clock, Memory, Silent, System, asked_for

from services.mes_connector.domain.answer import Outcome
from services.mes_connector.domain.breaker import Breaker
from services.mes_connector.domain.order import Order, State, Step
from services.mes_connector.handlers.gate import Gate
from services.mes_connector.handlers.pump import Pump
from services.mes_connector.handlers.world import World

NIGHT_S = 8 * 3600.0


class Drowsy(Memory):
    """Its owner falls asleep as soon as he has claimed something."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    async def write(self, order: Order, attempts: int) -> bool:
        if written := await super().write(order, attempts):
            self.clock.at += NIGHT_S
        return written


class Deaf(System):
    """Here he falls asleep over the answer that there is no such order."""

    async def find(self, key: str):
        answer = await super().find(key)
        self.clock.at += NIGHT_S
        return answer


@pytest.mark.parametrize("step", [Step.CREATE, Step.LOOK_UP])
@pytest.mark.parametrize("asleep", ["over the claim", "over the look-up"])
async def test_who_slept_creates_nothing_and_leaves_the_order_as_claimed(step: Step, asleep: str):
    clock = Clock()
    outbox = Drowsy(clock) if asleep == "over the claim" else Memory()
    system = (System if asleep == "over the claim" else Deaf)(clock, (0.0, 0.0), Outcome.AWAY)
    world = World(clock.now, clock.sleep, random.Random(1).random)
    pump = Pump(outbox, Gate(system, Breaker(5, 5.0, 300.0), 0.0, world), Silent(), PATIENCE, 100, world)
    order = Order.new(asked_for(1), "", NOW)
    outbox.orders["k1"] = order if step is Step.CREATE else order.requeued(NOW).claimed(NOW - NIGHT_S, PATIENCE)

    await pump.work()

    awake = step is Step.CREATE and asleep == "over the look-up"  # there was none
    assert system.opened == (["k1"] if awake else [])
    assert outbox.orders["k1"].state is (State.SENT if awake else State.INFLIGHT)
