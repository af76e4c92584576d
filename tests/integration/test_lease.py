"""One duty, two processes, one real broker: never two at work for long, never nobody for long."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from nats.errors import Error as NatsError
from prometheus_client import REGISTRY
from servers import NatsServer

from services.chassis.bus import Bus
from services.chassis.errors import Unavailable
from services.chassis.lease import Lease
from services.chassis.run import Component
from services.contracts.subjects import LEASE_TTL_S, LEASES
from tools.plant.provision import provision

EVER_S = 60.0


class Shift:
    """A duty that notes when it is on, and under which token."""

    def __init__(self, name: str, diary: list[str], fails: int = 0) -> None:
        self.name, self.diary, self.fails = name, diary, fails
        self.tokens: list[int] = []
        self.on = False

    def __call__(self, token: int) -> Sequence[Component]:
        self.tokens.append(token)
        return [self]

    async def start(self) -> None:
        if self.fails:
            self.fails -= 1
            raise Unavailable("the store is away")
        self.diary.append(f"{self.name} on")
        self.on = True

    async def stop(self) -> None:
        if self.on:
            self.diary.append(f"{self.name} off")
        self.on = False


@asynccontextmanager
async def striving(url: str, shift: Shift) -> AsyncIterator[Lease]:
    bus = Bus(url, "postprocessing", "")
    await bus.start()
    lease = Lease(bus, "test.duty", shift)
    await lease.start()
    try:
        yield lease
    finally:
        await lease.stop()
        await bus.stop()


async def until(condition: Callable[[], bool], deadline_s: float) -> float:
    began = time.monotonic()
    async with asyncio.timeout(deadline_s):
        while not condition():  # noqa: ASYNC110  # a lease has no event
            await asyncio.sleep(0.02)
    return time.monotonic() - began


async def test_one_works_the_other_stands_by_and_a_stop_hands_over_at_once(bus: Bus, nats_server: NatsServer):
    diary: list[str] = []
    first, second = Shift("first", diary), Shift("second", diary)
    async with striving(nats_server.url, first) as holder:
        await until(lambda: first.on, EVER_S)
        async with striving(nats_server.url, second) as other:
            await asyncio.sleep(LEASE_TTL_S * 1.5)  # the one fixed time here: nothing may happen in it
            assert (diary, holder.held, other.held) == (["first on"], True, False)
            await holder.stop()
            await until(lambda: second.on, EVER_S)
            assert second.tokens > first.tokens, "a later holder has a higher token"

    assert diary == ["first on", "first off", "second on", "second off"]


async def test_a_broker_that_is_away_ends_the_duty_before_anybody_else_could_have_it(bus: Bus, nats_server: NatsServer):
    diary: list[str] = []
    shift = Shift("it", diary)
    async with striving(nats_server.url, shift):
        await until(lambda: shift.on, EVER_S)
        nats_server.kill()
        await until(lambda: not shift.on, EVER_S)
        nats_server.start()
        await until(lambda: shift.on, EVER_S)

    assert shift.tokens == sorted(set(shift.tokens)), "a token is never given twice, not even over a restart"


async def test_a_duty_that_cannot_begin_is_given_back_and_tried_again(bus: Bus, nats_server: NatsServer):
    shift = Shift("it", [], fails=2)
    async with striving(nats_server.url, shift):
        await until(lambda: shift.on, EVER_S)

    assert len(shift.tokens) == 3


async def test_who_finds_another_in_his_place_goes(bus: Bus, nats_server: NatsServer):
    """An administrator, or a bug, wrote the key: the broker's word counts."""
    shift = Shift("it", [])
    async with striving(nats_server.url, shift) as lease:
        await until(lambda: shift.on, EVER_S)
        kv = await bus.jetstream.key_value(LEASES)
        await kv.put("postprocessing.test.duty", b"somebody else")
        await until(lambda: not (shift.on or lease.held), EVER_S)
        with suppress(NatsError):
            await kv.delete("postprocessing.test.duty")
        await until(lambda: shift.on, EVER_S)


def warnings(caplog: pytest.LogCaptureFixture, of: str) -> list[str]:
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    return [text for text in said if of in text]


async def test_a_stand_by_is_healthy_because_somebody_has_the_duty(bus: Bus, nats_server: NatsServer):
    first, second = Shift("first", []), Shift("second", [])
    async with striving(nats_server.url, first) as holder:
        assert not holder.healthy(), "nobody has it yet"
        await until(holder.healthy, EVER_S)
        async with striving(nats_server.url, second) as other:
            await until(other.healthy, EVER_S)
            assert (holder.held, other.held) == (True, False)
    held = REGISTRY.get_sample_value("jidoka_lease_held", {"duty": "postprocessing.test.duty"})
    assert held == 0


async def test_a_duty_that_cannot_be_had_for_want_of_its_bucket_is_missed_once_and_had_when_it_is_back(
    bus: Bus, nats_server: NatsServer, caplog
):
    """B3: bucket deleted, nobody could stop a line, all ready, and not a word that the duty cannot be had."""
    shift = Shift("it", [])
    async with striving(nats_server.url, shift) as lease:
        await until(lease.healthy, EVER_S)
        await bus.jetstream.delete_key_value(LEASES)
        await until(lambda: not lease.healthy(), EVER_S)
        await until(lambda: bool(warnings(caplog, "the bucket leases is not there")), EVER_S)
        await provision(bus)
        await until(lease.healthy, EVER_S)
    lost, back = warnings(caplog, "the duty postprocessing.test.duty")
    assert "provisioning" in lost
    assert "goes on" in back


async def test_a_duty_waits_for_a_bucket_that_is_made_later(bus: Bus, nats_server: NatsServer):
    await bus.jetstream.delete_key_value(LEASES)
    shift = Shift("it", [])
    async with striving(nats_server.url, shift) as lease:
        await asyncio.sleep(0)
        assert not lease.healthy()
        await provision(bus)
        await until(lambda: shift.on and lease.healthy(), EVER_S)


class Slow(Shift):
    """Its beginning takes for ever."""

    async def start(self) -> None:
        await super().start()
        await asyncio.Event().wait()


async def test_a_lease_that_is_lost_while_the_duty_begins_ends_it(bus: Bus, nats_server: NatsServer):
    """B23: a bridge that read its streams for long did not notice that another one had the duty."""
    shift = Slow("it", [])
    async with striving(nats_server.url, shift) as lease:
        await until(lambda: shift.on, EVER_S)
        kv = await bus.jetstream.key_value(LEASES)
        await kv.put("postprocessing.test.duty", b"somebody else")
        await until(lambda: not shift.on, EVER_S)
        assert not lease.held


async def test_a_duty_whose_reader_cannot_read_is_not_healthy(bus: Bus, nats_server: NatsServer):
    shift = Shift("it", [])
    shift.healthy = lambda: False
    async with striving(nats_server.url, shift) as lease:
        await until(lambda: shift.on, EVER_S)
        await asyncio.sleep(0)
        assert not lease.healthy()
        shift.healthy = lambda: True
        await until(lease.healthy, EVER_S)


async def test_a_duty_that_can_never_begin_is_with_nobody(bus: Bus, nats_server: NatsServer):
    """However often it is taken and given back."""
    shift = Shift("it", [], fails=1_000)
    async with striving(nats_server.url, shift) as lease:
        await until(lambda: len(shift.tokens) >= 3, EVER_S)
        assert not lease.healthy()
