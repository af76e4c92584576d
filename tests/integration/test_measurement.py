"""A wearing tool on a real plant: sensor, token, gRPC, broker, rules; the order comes before the tool is worn out."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest
from jidoka.measurement.v1 import measurement_pb2
from jidoka.workrequest.v1 import workrequest_pb2
from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import AckPolicy, ConsumerConfig

from services.chassis import rpc
from services.chassis.auth import TokenSource
from services.chassis.bus import Bus
from services.chassis.errors import Conflict, Denied, Invalid
from services.contracts import plant as plants
from services.contracts.scopes import INSPECTION_SUBMIT, MEASUREMENT_SUBMIT
from services.contracts.subjects import MEASUREMENT_RECORDED, STATION, WORK_REQUESTED, WORKREQUEST
from tools.plant import control
from tools.plant.state import REPOSITORY, PlantState
from tools.simulators.sensor import Sensor, WearingTool

PLANT = REPOSITORY / "deploy" / "plants" / "demo.yaml"
PLACE, _, STATION_OF_PLANT = next(plants.load(PLANT).stations())
DECLARED = STATION_OF_PLANT.sensors[0]
NAMES = {"force.rms", "force.peak", "force.crest"}


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlantState]:
    root = tmp_path_factory.mktemp("measured") / "plant"
    yield control.ensure_up(root, PLANT, ("measurement", "postprocessing", "issuer"), leashed=True)
    control.bring_down(root)


@pytest.fixture
async def admin(plant: PlantState) -> AsyncIterator[Bus]:
    bus = Bus(plant.url("nats"), "admin", plant.secret("admin.nats-password"))
    await bus.start()
    yield bus
    await bus.stop()


@pytest.fixture
async def sensors(plant: PlantState) -> AsyncIterator:
    """Makes sensors: one for a tool, as a client of the issuer."""
    tokens, channel = [], rpc.channel(plant.url("measurement"))

    def make(tool: str, client: str = DECLARED.client, scope: str = MEASUREMENT_SUBMIT) -> Sensor:
        token = TokenSource(plant.url("issuer"), client, plant.secret(f"{client}.client-secret"), (scope,))
        tokens.append(token)
        return Sensor(channel, token, PLACE, DECLARED, tool, f"lot-{tool}")

    yield make
    await channel.close()
    for token in tokens:
        await token.close()


async def kept(bus: Bus, stream: str, subject: str, message: type) -> list:
    """Everything that the broker keeps under a subject, in order."""
    config = ConsumerConfig(filter_subjects=[subject], ack_policy=AckPolicy.NONE, inactive_threshold=30)
    subscription = await bus.jetstream.pull_subscribe("", stream=stream, config=config)
    found: list = []
    try:
        while batch := await subscription.fetch(500, timeout=1):
            found += [message.FromString(each.data) for each in batch]
    except (NatsTimeout, TimeoutError):
        pass
    await subscription.unsubscribe()
    return found


async def facts(bus: Bus, tool: str) -> list[measurement_pb2.Measurement]:
    every = await kept(bus, STATION.name, MEASUREMENT_RECORDED.at(PLACE), measurement_pb2.Measurement)
    return [fact for fact in every if fact.tool == tool]


async def orders(bus: Bus, tool: str) -> list[workrequest_pb2.WorkRequested]:
    every = await kept(bus, WORKREQUEST.name, WORK_REQUESTED.at(PLACE), workrequest_pb2.WorkRequested)
    return [order for order in every if order.scope["tool"] == tool]


async def test_a_wearing_tool_gets_one_preventive_order_before_it_is_worn_out(admin: Bus, sensors):
    sensor, tool = sensors("T7"), WearingTool(life=80, seed=7)
    for _, samples in zip(range(80), tool.windows(), strict=False):
        await sensor.send(samples)
    async with asyncio.timeout(20):
        while not (ordered := await orders(admin, "T7")):
            pass
    (order,) = ordered

    assert order.kind == workrequest_pb2.WORK_REQUEST_KIND_MAINTENANCE
    assert order.rule_id == "tool-wear"
    assert order.station.station == PLACE.station
    assert 30 <= order.last_part_sequence < 75
    assert "reaches 1.6 in" in order.description
    assert order.inspection_ids[-1] == f"{DECLARED.client}:lot-T7-T7-{order.last_part_sequence:06d}:force.rms"


async def test_each_number_is_kept_once_with_what_is_needed_to_trust_it(admin: Bus, sensors):
    sensor, samples = sensors("T8"), next(WearingTool(seed=8).windows())
    answered = await sensor.send(samples)
    again = sensors("T8")  # a sensor that was restarted and sends the same window once more
    await again.send(samples)
    found = await facts(admin, "T8")

    assert {fact.name for fact in found} == NAMES
    assert len(found) == len(NAMES)
    assert {fact.measurement_id: fact.value for fact in found} == {m.measurement_id: m.value for m in answered}
    for fact in found:
        assert (fact.sensor, fact.sequence, fact.part.lot_id) == (DECLARED.client, 1, "lot-T8")
        assert len(fact.source_sha256) == 64
        assert len(fact.trace_id) == 32
        assert fact.HasField("recorded_at")
    with pytest.raises(Conflict, match="had other samples"):
        await sensors("T8").send(samples * 1.01)


async def test_a_bad_window_and_a_stranger_are_told_what_to_mend_and_leave_nothing_behind(admin: Bus, sensors):
    with pytest.raises(Invalid, match=r"force.*samples: all samples are 0.*check sensor, cable and supply"):
        await sensors("T9").send(np.zeros(1024))
    with pytest.raises(Invalid, match=r"has 512 samples.*send windows of 1024"):
        await sensors("T9").send(np.ones(512))
    with pytest.raises(Denied, match=r"measurement\.submit"):
        await sensors("T9", "camera-smt1-aoi1", INSPECTION_SUBMIT).send(np.ones(1024))

    assert await facts(admin, "T9") == []


async def test_what_was_answered_is_kept_though_the_broker_is_killed_meanwhile(plant: PlantState, admin: Bus, sensors):
    sensor, tool, answered = sensors("T10"), WearingTool(seed=10, worn=360), []
    for number, samples in zip(range(20), tool.windows(), strict=False):
        if number == 8:
            state = control.read_state(plant.root)
            assert state is not None
            os.kill(state.parts["nats"].pid, signal.SIGKILL)
        answered += await sensor.send(samples, give_up_s=60)
    found = await facts(admin, "T10")

    assert [fact.measurement_id for fact in found if fact.name == "force.rms"] == [
        m.measurement_id for m in answered if m.name == "force.rms"
    ]
    assert len(found) == len(answered) == 20 * len(NAMES)
