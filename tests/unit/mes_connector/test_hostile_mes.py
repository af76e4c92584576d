"""Whatever an MES answers, and whatever an adapter makes of it, the connector goes on (S18), with all others (F12)."""

import asyncio
import random
from collections.abc import Sequence

import httpx
import pytest
from test_http_call import http
from test_mes_away import NOW, PATIENCE, Clock, Memory, Silent, System, asked_for

from services.mes_connector.adapters.http import Reply
from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.breaker import Breaker
from services.mes_connector.domain.order import OPEN_STATES, Order, State
from services.mes_connector.domain.progress import Filed, Polled, Progress, Status
from services.mes_connector.handlers import worker
from services.mes_connector.handlers.gate import Gate
from services.mes_connector.handlers.pump import Pump
from services.mes_connector.handlers.worker import Worker
from services.mes_connector.handlers.world import World


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 100_000, b"1" * 5_000, b"\xff", b""])
def test_what_is_no_json_is_said_so(body: bytes):
    with pytest.raises(ValueError, match=r"."):
        Reply("GET", 200, {}, body).json()


async def test_a_stream_that_breaks_is_no_answer():
    def breaks(_: httpx.Request) -> httpx.Response:
        raise httpx.StreamClosed

    answer = await http(breaks).call("GET", "https://mes.plant")
    assert isinstance(answer, Answer)
    assert answer.outcome is Outcome.UNKNOWN


class Faulty(System):
    """An adapter with a bug that one order meets."""

    bad = "k1"

    async def create(self, order: Order) -> Answer:
        if order.request.key == self.bad:
            raise KeyError("equipment_id")
        return await super().create(order)

    async def progress(self, orders: Sequence[Filed]) -> Polled:
        if self.bad in [order.key for order in orders]:
            raise RecursionError("maximum recursion depth exceeded")
        told = tuple(Progress(order.key, order.external_id, Status.COMPLETED, 0.0) for order in orders)
        return Polled(Answer(Outcome.OPENED), told)


def gate_to(system: System, clock: Clock) -> tuple[Gate, World]:
    world = World(clock.now, clock.sleep, random.Random(1).random)
    return Gate(system, Breaker(5, 5.0, 300.0), 0.0, world), world


async def test_an_order_that_breaks_the_adapter_goes_to_people_and_the_others_to_the_mes():
    clock, outbox = Clock(), Memory()
    system = Faulty(clock, (0.0, 0.0), Outcome.AWAY)
    gate, world = gate_to(system, clock)
    pump = Pump(outbox, gate, Silent(), PATIENCE, 100, world)
    for number in (1, 2, 3):
        await outbox.add(Order.new(asked_for(number), "", NOW))

    await pump.work()
    assert [outbox.orders[key].state for key in ("k1", "k2", "k3")] == [State.NEW, State.SENT, State.SENT]
    for _ in range(100):
        clock.at += PATIENCE.after_timeout_s + PATIENCE.cap_s
        await pump.work()
        if outbox.orders["k1"].state not in OPEN_STATES:
            break
    dead = outbox.orders["k1"]
    assert (dead.state, dead.attempts) == (State.DEAD, 5)
    assert "KeyError" in dead.last_error


async def test_an_order_that_breaks_the_poll_hides_no_other():
    clock = Clock()
    gate, _ = gate_to(Faulty(clock, (0.0, 0.0), Outcome.AWAY), clock)
    async with gate.turn() as mes:
        polled = await mes.progress([Filed(key, key) for key in ("k0", "k1", "k2")])
    assert [progress.key for progress in polled.orders] == ["k0", "k2"]
    assert polled.answer.outcome is Outcome.OPENED, "the MES answers, and the next round asks for k1 again"


async def test_a_worker_survives_what_nobody_thought_of(monkeypatch: pytest.MonkeyPatch, caplog):
    monkeypatch.setattr(worker, "_SHORTEST_RETRY_S", 0.0)
    done = asyncio.Event()

    class Unlucky(Worker):
        tries = 0

        async def work(self) -> float:
            self.tries += 1
            if self.tries < 4:
                raise RecursionError("maximum recursion depth exceeded")
            done.set()
            return 60.0

    works = asyncio.create_task(Unlucky()._work_forever())
    over = asyncio.create_task(done.wait())
    await asyncio.wait({works, over}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    assert done.is_set(), "the end of a worker ends the service"
    works.cancel()
    assert [record.levelname for record in caplog.records if "RecursionError" in record.getMessage()] == ["ERROR"]
