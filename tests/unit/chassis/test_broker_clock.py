"""B13: the broker's clock, as a service reckons it, whatever its own clock says."""

import asyncio
import json
import logging
from datetime import UTC, datetime

import pytest

from services.chassis.broker_clock import BrokerClock

NOON_S = 1_800_000_000.0


class Machine:
    """Two clocks of one machine: one that only runs, and one that somebody may set; and the broker's."""

    def __init__(self, skew_s: float) -> None:
        self.running_s, self.skew_s, self.broker_s = 1_000.0, skew_s, NOON_S

    def pass_time(self, seconds: float) -> None:
        self.running_s += seconds
        self.broker_s += seconds

    def wall(self) -> float:
        return self.broker_s + self.skew_s

    def clock(self) -> BrokerClock:
        return BrokerClock(self._nobody, monotonic=lambda: self.running_s, wall=self.wall)

    async def _nobody(self) -> bytes:
        raise TimeoutError

    def ask(self, clock: BrokerClock, there_s: float = 0.001, back_s: float = 0.001) -> None:
        """One question and its answer, so long on the way there and back."""
        sent_s = self.running_s
        self.pass_time(there_s)
        said_s = self.broker_s
        self.pass_time(back_s)
        clock.heard(sent_s, self.running_s, said_s)


@pytest.mark.parametrize("skew_s", [-86_400, -120, -6, 0, 6, 120, 86_400])
def test_the_time_is_the_brokers_whatever_the_own_clock_says(skew_s: float):
    machine = Machine(skew_s)
    clock = machine.clock()
    machine.ask(clock)
    machine.pass_time(3)

    assert clock.known
    assert clock.now_s() == pytest.approx(machine.broker_s, abs=0.001)
    assert clock.skew_s == pytest.approx(skew_s, abs=0.001)


def test_before_the_first_answer_the_own_clock_is_all_there_is():
    machine = Machine(skew_s=6)
    clock = machine.clock()

    assert not clock.known
    assert clock.now_s() == machine.wall()
    assert clock.skew_s == 0


def test_the_answer_that_was_fastest_counts():
    machine = Machine(skew_s=0)
    clock = machine.clock()
    machine.ask(clock)
    machine.ask(clock, there_s=0.001, back_s=0.8)  # half of the way would be 0.4 s wrong

    assert clock.now_s() == pytest.approx(machine.broker_s, abs=0.001)


def test_a_jump_of_the_own_clock_between_two_questions_moves_nothing():
    machine = Machine(skew_s=0)
    clock = machine.clock()
    machine.ask(clock)
    machine.skew_s = -3_600

    assert clock.now_s() == pytest.approx(machine.broker_s, abs=0.001)


def test_when_the_brokers_clock_is_set_the_older_answers_are_worth_nothing():
    machine = Machine(skew_s=0)
    clock = machine.clock()
    machine.ask(clock)
    machine.broker_s += 30
    machine.ask(clock, there_s=0.01, back_s=0.01)

    assert clock.now_s() == pytest.approx(machine.broker_s, abs=0.02)


def test_skew_over_a_second_is_said_once_and_its_end_once(caplog: pytest.LogCaptureFixture):
    machine = Machine(skew_s=6)
    clock = machine.clock()
    with caplog.at_level(logging.WARNING):
        for machine.skew_s in (0.9, 6, 6, 6, 0, 0):
            machine.ask(clock)

    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "6.0 s ahead of the broker's" in said[0]
    assert "right again" in said[1]


async def test_it_asks_the_broker_by_itself_and_an_answer_without_a_time_is_none():
    answers = [b'{"error": {"code": 404}}', b"no json", b'{"ts": 7}']
    when = datetime.fromtimestamp(NOON_S, UTC)
    good = json.dumps({"ts": when.isoformat().replace("+00:00", ".123456789Z")}).encode()
    asked = asyncio.Event()

    async def ask() -> bytes:
        if answers:
            return answers.pop(0)
        asked.set()
        return good

    clock = BrokerClock(ask, every_s=0.01)
    await clock.start()
    await asyncio.wait_for(asked.wait(), 20)
    await asyncio.sleep(0)
    await clock.stop()

    assert clock.known
    assert clock.now_s() == pytest.approx(NOON_S, abs=30)
