"""A stream that fills is bounded, seen and an alarm long before anything is refused (B14)."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from jidoka.line.v1 import line_pb2
from nats.js.api import StorageType, StreamConfig
from prometheus_client import REGISTRY
from servers import NatsServer, until
from test_bridge_records import LINE, OTHER, hearing

from services.chassis.bus import Bus
from services.contracts.evidence import Evidence
from services.contracts.plant import Place
from services.contracts.store import store_bytes
from services.contracts.subjects import (
    ALARM_CHANGED,
    AUDIT,
    GOLDENS,
    STATION,
    STREAMS,
    VERDICT_REACHED,
    subjects_of,
)
from services.opcua_bridge.adapters.standing_alarm import StandingAlarm
from services.opcua_bridge.adapters.store_watch import StoreWatch
from tools.plant.provision import provision

PLACE = Place("lyon", "smt1", "aoi1")
SMALL = 21_000


async def limit(bus: Bus, stream: str, max_bytes: int) -> None:
    config = (await bus.jetstream.stream_info(stream)).config
    await bus.jetstream.update_stream(config.evolve(max_bytes=max_bytes))


async def fill(bus: Bus, subject: str, messages: int) -> None:
    for number in range(messages):
        await bus.publish(subject, b"x" * 900, f"{subject}-{number}")


async def test_every_stream_is_bounded_and_a_full_one_gives_up_its_oldest(bus: Bus):
    infos = {stream.name: await bus.jetstream.stream_info(stream.name) for stream in STREAMS}
    assert {name: info.config.max_bytes for name, info in infos.items()} == {s.name: s.max_bytes for s in STREAMS}
    assert {info.config.discard for info in infos.values()} == {"old"}
    limits = [info.config.max_bytes for info in await bus.jetstream.streams_info() if info.config.max_bytes > 0]
    assert sum(limits) < store_bytes(Evidence().most_bytes)
    assert (await bus.jetstream.stream_info(f"OBJ_{GOLDENS}")).config.max_bytes > 0

    await limit(bus, STATION.name, SMALL)
    await fill(bus, VERDICT_REACHED.at(PLACE), 50)

    state = (await bus.jetstream.stream_info(STATION.name)).state
    assert (state.last_seq, state.first_seq > 1, state.bytes <= SMALL) == (50, True, True)


async def test_the_streams_of_an_older_state_folder_get_their_bounds(nats_server: NatsServer):
    old = Bus(nats_server.url, "test", "")
    await old.start()
    for stream in STREAMS:
        config = StreamConfig(name=stream.name, subjects=subjects_of(stream), storage=StorageType.FILE)
        await old.jetstream.add_stream(config)
    await old.jetstream.create_object_store(GOLDENS)
    await provision(old)

    for stream in STREAMS:
        assert (await old.jetstream.stream_info(stream.name)).config.max_bytes == stream.max_bytes
    assert (await old.jetstream.stream_info(f"OBJ_{GOLDENS}")).config.max_bytes > 0
    await old.stop()


@contextlib.asynccontextmanager
async def watched(bus: Bus) -> AsyncIterator[list[Any]]:
    """What is said about the store."""
    alarm = StandingAlarm(bus, [LINE, OTHER], line_pb2.ALARM_CLASS_STORE_FILLING, "store")
    watch = StoreWatch(bus, store_bytes(Evidence().most_bytes), alarm.hear, every_s=0.05)
    async with hearing(bus, ALARM_CHANGED) as heard:
        await alarm.start()
        await watch.start()
        try:
            yield heard
        finally:
            await watch.stop()
            await alarm.stop()


async def test_a_stream_that_fills_is_an_alarm_at_every_line_and_a_gauge_until_it_has_room(bus: Bus):
    await limit(bus, AUDIT.name, SMALL)
    async with watched(bus) as heard:
        await fill(bus, "jidoka.v1.audit.recorded.lyon.smt1.all", 15)
        await until(lambda: REGISTRY.get_sample_value("jidoka_stream_fill_ratio", {"stream": "AUDIT"}) > 0.6)
        assert heard == []
        await fill(bus, "jidoka.v1.audit.recorded.lyon.smt2.all", 4)
        await until(lambda: len(heard) == 2)
        assert {(fact.line, fact.active, "AUDIT" in fact.detail) for fact in heard} == {
            (LINE.line, True, True),
            (OTHER.line, True, True),
        }
        await limit(bus, AUDIT.name, 10 * SMALL)
        await until(lambda: len(heard) == 4)

    assert [fact.active for fact in heard] == [True, True, False, False]
    assert REGISTRY.get_sample_value("jidoka_store_free_ratio") > 0.99


async def test_verdicts_that_would_be_forgotten_before_their_time_are_an_alarm(bus: Bus):
    await limit(bus, STATION.name, SMALL)
    async with watched(bus) as heard:
        await fill(bus, VERDICT_REACHED.at(PLACE), 50)
        await until(lambda: len(heard) == 2)

    assert all("STATION" in fact.detail for fact in heard)
