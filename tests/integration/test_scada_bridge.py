"""The bridge between the broker and SCADA: what the mesh says is seen, and what the MES says reaches the mesh."""

import contextlib
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import yaml
from asyncua import ua
from google.protobuf.timestamp_pb2 import Timestamp
from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2
from scada_floor import JOBS, LINE, NODESETS, STATION, VISION, Scada, ScadaFloor, eventually
from servers import NatsServer

from services.chassis.bus import Bus
from services.chassis.errors import Unavailable
from services.chassis.streams import Delivery, Follower, Route
from services.contracts.plant import Place
from services.contracts.subjects import (
    AUDIT,
    AUDIT_RECORDED,
    CONTEXT_CHANGED,
    JOB_ORDERS_LISTED,
    STATION_SILENT,
    VERDICT_REACHED,
)
from services.contracts.subjects import LINE as LINE_STREAM
from services.contracts.subjects import STATION as STREAM
from services.opcua_bridge.adapters.contexts import BusContexts
from services.opcua_bridge.adapters.job_memory import BusOrders
from services.opcua_bridge.app import build
from services.opcua_bridge.domain.context import ContextChange
from services.opcua_bridge.settings import Settings
from tools.ports import free_port

ROOT = Path(__file__).parents[2]
PLACE = Place(LINE.site, LINE.line, STATION.station)
PATH = frame_pb2.StationPath(site=PLACE.site, line=PLACE.line, station=PLACE.station)


@contextlib.asynccontextmanager
async def bridge(floor: ScadaFloor, nats_server: NatsServer) -> AsyncIterator[None]:
    """The whole bridge of the demo plant; there is no PLC behind its port."""
    plant = yaml.safe_load((ROOT / "deploy/plants/demo.yaml").read_text())
    plant["sites"][0]["lines"][0]["plc"]["url"] = f"opc.tcp://127.0.0.1:{free_port()}/plc"
    (floor.folder / "plant.yaml").write_text(yaml.safe_dump(plant))
    (floor.folder / "password").write_text("bridge-pw\n")
    floor.url = f"opc.tcp://127.0.0.1:{free_port()}/jidoka"
    settings = Settings(
        plant_file=floor.folder / "plant.yaml",
        nats_url=nats_server.url,
        nats_password_file=floor.folder / "password",
        pki=floor.pki["bridge"],
        plc_password_file=floor.folder / "password",
        scada_url=floor.url,
        scada_users_file=floor.users,
        nodeset_folder=NODESETS,
        stale_after_s=1,
    )
    async with contextlib.AsyncExitStack() as stack:
        for component in build(settings).components:
            await component.start()
            stack.push_async_callback(component.stop)
        yield


@contextlib.asynccontextmanager
async def told(bus: Bus, subject: str, message: type, stream: str = STREAM.name) -> AsyncIterator[list]:
    heard: list = []

    async def hear(fact: object, _delivery: Delivery) -> None:
        heard.append(fact)

    follower = Follower(bus, stream, [Route(subject, message, hear)], lambda: 0)
    await follower.start()
    yield heard
    await follower.stop()


def verdict(number: int) -> verdict_pb2.Verdict:
    message = verdict_pb2.Verdict(
        inspection_id=f"i-{number}",
        station=PATH,
        part=frame_pb2.PartRef(lot_id="L1", part_sequence=number, product_id="board"),
        outcome=verdict_pb2.OUTCOME_PASS,
        recipe="pcb",
        recipe_version=1,
        rule_set_version=3,
    )
    message.provenance.model_digest = "f" * 64
    message.captured_at.FromNanoseconds(time.time_ns() - 10**8)
    message.judged_at.GetCurrentTime()
    return message


async def test_verdicts_and_silence_come_from_the_broker_and_a_job_order_goes_to_it(tmp_path, nats_server, bus):
    floor = ScadaFloor(tmp_path)
    async with (
        bridge(floor, nats_server),
        floor.client("mes") as mes,
        told(bus, CONTEXT_CHANGED.everywhere, CONTEXT_CHANGED.message) as contexts,
    ):
        await mes.client.load_data_type_definitions()

        async def state() -> str:
            return (await mes.value(f"{VISION}.VisionStateMachine.CurrentState")).Text

        await eventually(state, "Operational")
        await bus.publish(VERDICT_REACHED.at(PLACE), verdict(1), "i-1")

        async def configured() -> str:
            value = await mes.node(f"{VISION}.ConfigurationManagement.ActiveConfiguration").read_data_value(
                raise_on_bad_status=False
            )
            return value.Value.Value.InternalId.Id if value.StatusCode.is_good() else ""

        await eventually(configured, "rules-3+model-ffffffffffff")
        await bus.publish(STATION_SILENT.at(PLACE), line_pb2.StationFellSilent(station=PATH), "s-1")
        await eventually(state, "Error")
        await bus.publish(VERDICT_REACHED.at(PLACE), verdict(2), "i-2")
        await eventually(state, "Operational")

        material = ua.ISA95MaterialDataType(MaterialDefinitionID="FR4", MaterialLotID="L9")
        order = ua.ISA95JobOrderDataType(JobOrderID="J1", MaterialRequirements=[material])
        none = ua.Variant([], ua.VariantType.LocalizedText)

        async def taken() -> int:  # no order is, before the broker has said what was listed last
            return await mes.call(f"{JOBS}.StoreAndStart", order, none)

        await eventually(taken, 1, 40)

        async def stored() -> bool:
            return bool(contexts)

        await eventually(stored, True)
        fact = contexts[0]
        assert (fact.station.site, fact.station.line, fact.station.station) == (LINE.site, LINE.line, "all")
        said = fact.lot_id, fact.material, fact.recipe, fact.job_order_id, fact.source
        assert said == ("L9", "FR4", "", "J1", "scada:job-order")
        assert abs(fact.changed_at.ToSeconds() - time.time()) < 60

        nats_server.kill()
        assert await mes.call(f"{JOBS}.StoreAndStart", order, none) == 16  # known already: refused before it is told
        other = ua.ISA95JobOrderDataType(JobOrderID="J2", MaterialRequirements=[material])
        assert await mes.call(f"{JOBS}.StoreAndStart", other, none) == 16  # the broker is away: unable to accept
        [job] = await mes.value(f"{JOBS}.JobOrderList")
        assert job.JobOrder.JobOrderID == "J1"
        await eventually(state, "Error", 30)


async def listed(client: Scada) -> list[tuple[str, str]]:
    jobs = await client.value(f"{JOBS}.JobOrderList") or []
    return [(job.JobOrder.JobOrderID, job.State[0].StateText.Text) for job in jobs]


async def test_job_orders_stand_at_the_next_bridge_too_and_every_call_is_on_the_record(tmp_path, nats_server, bus):
    floor = ScadaFloor(tmp_path)
    none = ua.Variant([], ua.VariantType.LocalizedText)
    material = ua.ISA95MaterialDataType(MaterialDefinitionID="FR4", MaterialLotID="L9")
    order = ua.ISA95JobOrderDataType(JobOrderID="J1", MaterialRequirements=[material])
    async with (
        told(bus, AUDIT_RECORDED.everywhere, AUDIT_RECORDED.message, AUDIT.name) as record,
        told(bus, CONTEXT_CHANGED.everywhere, CONTEXT_CHANGED.message) as contexts,
        bridge(floor, nats_server),
        floor.client("mes") as mes,
    ):
        await mes.client.load_data_type_definitions()

        async def taken() -> int:  # no order is, before the broker has said what was listed last
            return await mes.call(f"{JOBS}.StoreAndStart", order, none)

        await eventually(taken, 1, 40)
        async with bridge(floor, nats_server), floor.client("mes") as other:
            await other.client.load_data_type_definitions()
            await eventually(lambda: listed(other), [("J1", "Running")], 40)
            assert (await other.value(f"{JOBS}.CurrentState")).Text == "Running"
            assert await mes.call(f"{JOBS}.Pause", "J1", none) == 1
            await eventually(lambda: listed(other), [("J1", "Interrupted")], 40)
            assert await other.call(f"{JOBS}.Resume", "J1", none) == 1
            await eventually(lambda: listed(mes), [("J1", "Running")], 40)
        [job] = await mes.value(f"{JOBS}.JobOrderList")
        assert job.JobOrder.MaterialRequirements[0].MaterialLotID == "L9", "the order is given back as it came"

        async def recorded() -> bool:
            return {"Pause", "Resume"} <= {fact.node.rpartition(".")[2] for fact in record}

        await eventually(recorded, True, 40)
    calls = [fact for fact in record if fact.act == "call" and fact.node.endswith(".Pause")]
    assert [(fact.user, fact.role, fact.result) for fact in calls] == [("mes", "mes", "Good")]
    assert {fact.act for fact in record} >= {"log in", "call", "log out"}
    assert {fact.lot_id for fact in contexts} == {"L9"}


async def test_a_job_order_that_is_refused_changes_nothing_and_one_that_is_taken_is_told_even_late(
    tmp_path, nats_server, bus, monkeypatch
):
    """B9: the list is stored first. What the line works on follows it, also when the bridge died in between."""
    floor, broken = ScadaFloor(tmp_path), set()
    none = ua.Variant([], ua.VariantType.LocalizedText)

    def breakable(owner: type, name: str) -> None:
        sound = getattr(owner, name)

        async def perhaps(*given: object) -> object:
            if name in broken:
                raise Unavailable("the broker is away")
            return await sound(*given)

        monkeypatch.setattr(owner, name, perhaps)

    breakable(BusOrders, "keep")
    breakable(BusContexts, "changed")
    async with told(bus, CONTEXT_CHANGED.everywhere, CONTEXT_CHANGED.message) as contexts:
        async with bridge(floor, nats_server), floor.client("mes") as mes:
            await mes.client.load_data_type_definitions()

            async def taken(number: int) -> int:
                material = ua.ISA95MaterialDataType(MaterialLotID=f"L{number}")
                order = ua.ISA95JobOrderDataType(JobOrderID=f"J{number}", MaterialRequirements=[material])
                return await mes.call(f"{JOBS}.StoreAndStart", order, none)

            await eventually(partial(taken, 1), 1, 40)
            broken.add("keep")
            assert await taken(2) == 16, "the list cannot be stored: unable to accept"
            broken.clear()
            broken.add("changed")
            assert await taken(3) == 1, "it stands in the list: it is taken"
        broken.clear()

        async def lots() -> list[str]:
            return [fact.lot_id for fact in contexts]

        await eventually(lots, ["L1"])
        async with bridge(floor, nats_server):
            await eventually(lots, ["L1", "L3"], 40)

    async with told(bus, JOB_ORDERS_LISTED.everywhere, JOB_ORDERS_LISTED.message, LINE_STREAM.name) as lists:

        async def since() -> list[Timestamp]:
            return [one.running_since for one in lists]

        await eventually(since, [contexts[0].changed_at, contexts[1].changed_at])


async def test_a_telling_that_was_lost_is_repeated_by_the_bridge_that_lost_it(tmp_path, nats_server, bus, monkeypatch):
    floor = ScadaFloor(tmp_path)
    none = ua.Variant([], ua.VariantType.LocalizedText)
    tell, lost = BusContexts.changed, []

    async def lame(self: BusContexts, change: ContextChange) -> None:
        if len(lost) < 3:
            lost.append(change)
            raise Unavailable("the broker is away")
        await tell(self, change)

    monkeypatch.setattr(BusContexts, "changed", lame)
    async with (
        told(bus, CONTEXT_CHANGED.everywhere, CONTEXT_CHANGED.message) as contexts,
        bridge(floor, nats_server),
        floor.client("mes") as mes,
    ):
        await mes.client.load_data_type_definitions()

        async def taken() -> int:
            return await mes.call(f"{JOBS}.StoreAndStart", ua.ISA95JobOrderDataType(JobOrderID="J1"), none)

        async def orders() -> list[str]:
            return [fact.job_order_id for fact in contexts]

        await eventually(taken, 1, 40)
        await eventually(orders, ["J1"])
        assert len({change.at for change in lost}) == 1, "however late, it holds from when the order began"
        assert contexts[0].changed_at.ToNanoseconds() / 1e9 == pytest.approx(lost[0].at, abs=1e-3)
