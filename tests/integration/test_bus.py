import contextlib
import time

import pytest
from jidoka.line.v1 import line_pb2
from nats.js.api import DiscardPolicy
from servers import until

from services.chassis.bus import Bus
from services.chassis.errors import Conflict, Invalid, Unavailable
from services.chassis.lease import Lease
from services.chassis.streams import Consumer, Delivery, Follower, Route
from services.contracts import headers
from services.contracts.plant import Place
from services.contracts.subjects import LEASES, LINE, LINE_RESUMED, LINE_STATE_CHANGED, PAUSE_REQUESTED, STATION

PLACE = Place("lyon", "smt1", "aoi1")


def requested(number: int) -> line_pb2.PauseRequested:
    return line_pb2.PauseRequested(request_id=f"r{number}")


async def test_a_repeated_message_id_is_stored_once(bus: Bus):
    first = await bus.publish(PAUSE_REQUESTED.at(PLACE), requested(1), "r1")
    again = await bus.publish(PAUSE_REQUESTED.at(PLACE), requested(1), "r1")

    assert (first.sequence, first.duplicate) == (again.sequence, False)
    assert again.duplicate
    assert (await bus.jetstream.stream_info(LINE.name)).state.messages == 1


async def test_a_consumer_gets_each_message_until_it_is_done_with_it(bus: Bus):
    seen: list[tuple[str, bool]] = []

    async def handler(message: line_pb2.PauseRequested, delivery: Delivery) -> None:
        seen.append((message.request_id, delivery.redelivered))
        if len(seen) == 1:
            raise Unavailable("the PLC is away")

    consumer = Consumer(bus, LINE.name, [Route(PAUSE_REQUESTED.everywhere, line_pb2.PauseRequested, handler)])
    await consumer.start()
    await bus.publish(PAUSE_REQUESTED.at(PLACE), requested(1), "r1")
    await until(lambda: len(seen) == 2)
    await consumer.stop()

    assert seen == [("r1", False), ("r1", True)]


async def test_what_can_never_be_handled_is_parked_with_its_reason(bus: Bus):
    async def handler(message: line_pb2.PauseRequested, delivery: Delivery) -> None:
        raise Invalid("unknown line", field="station.line")

    consumer = Consumer(bus, LINE.name, [Route(PAUSE_REQUESTED.everywhere, line_pb2.PauseRequested, handler)])
    await consumer.start()
    await bus.publish(PAUSE_REQUESTED.at(PLACE), b"\xff\xff not protobuf", "bad")
    await bus.publish(PAUSE_REQUESTED.at(PLACE), requested(2), "r2")
    parked = await bus.jetstream.pull_subscribe("jidoka.v1.dead.>", stream="DEAD")
    dead = [message for _ in range(2) for message in await parked.fetch(1, timeout=5)]
    await consumer.stop()

    assert "not a jidoka.line.v1.PauseRequested" in dead[0].headers["jidoka-dead-reason"]
    assert dead[1].headers["jidoka-dead-reason"] == "station.line: unknown line"
    assert dead[1].data == requested(2).SerializeToString()


async def test_a_follower_applies_each_message_once_in_order_although_the_broker_dies(bus: Bus, nats_server):
    applied: list[int] = []

    async def handler(message: line_pb2.LineResumed, delivery: Delivery) -> None:
        applied.append(delivery.sequence)

    route = Route(LINE_RESUMED.everywhere, line_pb2.LineResumed, handler)
    follower = Follower(bus, STATION.name, [route], lambda: applied[-1] if applied else 0)
    await follower.start()
    for number in range(300):
        await bus.publish(LINE_RESUMED.at(PLACE), line_pb2.LineResumed(episode_id=str(number)), f"e{number}")
        if number == 150:
            nats_server.kill()
            nats_server.start()
    await until(lambda: len(applied) == 300)
    await follower.stop()

    assert applied == list(range(1, 301))


async def test_publishing_without_a_broker_is_unavailable_within_the_deadline(bus: Bus, nats_server):
    nats_server.kill()
    with pytest.raises(Unavailable, match="did not acknowledge"):
        await bus.publish(LINE_STATE_CHANGED.at(PLACE), b"", "x", deadline_s=0.5)
    nats_server.start()
    with contextlib.suppress(Unavailable):
        await bus.publish(LINE_STATE_CHANGED.at(PLACE), b"", "x", deadline_s=5)
    assert (await bus.jetstream.stream_info(LINE.name)).state.messages == 1


async def test_a_bus_that_never_saw_its_broker_is_unavailable():
    bus = Bus("nats://127.0.0.1:1", "gateway", "")

    with pytest.raises(Unavailable, match="not been reached"):
        await bus.publish("jidoka.v1.verdict.reached.lyon.smt1.aoi1", b"", "1")
    assert not bus.healthy()


async def test_a_backlog_is_worked_off_at_once_because_what_waits_may_expire(bus: Bus):
    """One unacknowledged message at a time and a fetch of several would wait its whole time-out for each."""
    done: list[str] = []

    async def handler(message: line_pb2.PauseRequested, delivery: Delivery) -> None:
        done.append(message.request_id)

    for number in range(20):
        await bus.publish(PAUSE_REQUESTED.at(PLACE), requested(number), f"r{number}")
    consumer = Consumer(bus, LINE.name, [Route(PAUSE_REQUESTED.everywhere, line_pb2.PauseRequested, handler)])
    await consumer.start()
    await until(lambda: len(done) == 20)
    await consumer.stop()

    assert done == [f"r{number}" for number in range(20)]


async def test_what_the_broker_refuses_for_good_is_not_asked_again_and_again(bus: Bus):
    """F26: "send again" for something that can never be stored would make it come back for ever."""
    await bus.publish(PAUSE_REQUESTED.at(PLACE), requested(1), "r1", extra={headers.EXPECTED_LAST: "0"})
    with pytest.raises(Conflict, match="wrong last sequence"):
        await bus.publish(PAUSE_REQUESTED.at(PLACE), requested(2), "r2", extra={headers.EXPECTED_LAST: "0"})

    config = (await bus.jetstream.stream_info(LINE.name)).config
    config.max_msg_size = 100
    await bus.jetstream.update_stream(config)
    with pytest.raises(Invalid, match="size exceeds"):
        await bus.publish(PAUSE_REQUESTED.at(PLACE), b"x" * 200, "r3")


async def test_a_bus_knows_the_brokers_clock_and_keeps_it_while_the_broker_is_away(
    bus: Bus, nats_server, monkeypatch: pytest.MonkeyPatch
):
    """B13: with a real nats-server, for what it answers is its own affair."""
    await until(lambda: bus.clock.known)
    assert bus.clock.skew_s == pytest.approx(0, abs=1)
    nats_server.kill()
    monkeypatch.setattr(bus.clock, "_wall", lambda: 0.0)

    assert bus.clock.now_s() == pytest.approx(time.time(), abs=5)
    nats_server.start()


async def test_a_store_that_refuses_writes_is_not_healthy_until_it_takes_one(bus: Bus):
    """R4: a full disk; every service said ready while each publish failed, and went on failing."""
    config = (await bus.jetstream.stream_info(LINE.name)).config
    await bus.jetstream.update_stream(config.evolve(max_bytes=1_000, discard=DiscardPolicy.NEW))
    number = 0
    with contextlib.suppress(Unavailable):
        while number := number + 1:
            await bus.publish(PAUSE_REQUESTED.at(PLACE), requested(number), f"r{number}", deadline_s=1)
    assert not bus.healthy()
    await bus.publish(LINE_RESUMED.at(PLACE), line_pb2.LineResumed(), "other stream")
    assert not bus.healthy(), "what another stream takes says nothing about this one"
    await bus.jetstream.purge_stream(LINE.name)
    await bus.publish(PAUSE_REQUESTED.at(PLACE), requested(1), "afterwards")
    assert bus.healthy()


async def test_a_fact_that_is_refused_for_what_it_says_does_not_make_the_broker_unhealthy(bus: Bus):
    expected = {"Nats-Expected-Last-Subject-Sequence": "7"}
    with pytest.raises(Unavailable):
        await bus.publish(PAUSE_REQUESTED.at(PLACE), requested(1), "r1", extra=expected, deadline_s=0.3)
    assert bus.healthy()


async def test_a_broker_that_answers_but_has_no_jetstream_is_not_healthy(bus: Bus, nats_server):
    """R4: the flush of a TCP connection proves no store."""
    await until(bus.healthy)
    nats_server.kill()
    nats_server.start(jetstream=False)
    await until(lambda: not bus.healthy())
    nats_server.kill()
    nats_server.start()
    await until(bus.healthy)


async def test_a_lease_that_cannot_be_renewed_for_want_of_room_makes_its_broker_unhealthy(bus: Bus):
    lease = Lease(bus, "test.duty", lambda _: [])
    await lease.start()
    await until(lease.healthy)
    config = (await bus.jetstream.stream_info(f"KV_{LEASES}")).config
    await bus.jetstream.update_stream(config.evolve(max_bytes=10))
    await until(lambda: not bus.healthy())
    await bus.jetstream.update_stream(config)
    await until(bus.healthy)
    await until(lease.healthy)
    await lease.stop()
