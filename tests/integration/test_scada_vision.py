"""What a SCADA client finds and may do, over SignAndEncrypt: OPC 40100-1, 40001-1, 10031-4; one server for all."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.ua.uaerrors import BadInvalidArgument, BadNotExecutable, BadUserAccessDenied
from scada_floor import JOBS, LINE, STATION, VISION, Scada, ScadaFloor, eventually, running, verdict

from services.chassis.errors import Unavailable
from services.opcua_bridge.adapters.scada import ScadaBoard, nodesets
from services.opcua_bridge.adapters.scada.space import int32, uint32
from services.opcua_bridge.domain.context import ContextChange
from services.opcua_bridge.domain.line import PauseRequest, PlcView

pytestmark = pytest.mark.asyncio(loop_scope="module")
RESULTS, RECIPES = f"{VISION}.ResultManagement", f"{VISION}.RecipeManagement"
CONFIGURATIONS, SAFETY = f"{VISION}.ConfigurationManagement", f"{VISION}.SafetyStateManagement"
NO_COMMENT = ua.Variant([], ua.VariantType.LocalizedText)
RESULT_READY, STATE_CHANGED, ERROR, ERROR_RESOLVED = 1024, 1018, 1019, 1020
NO_ERROR, UNKNOWN_ID, INVALID_STATUS, UNABLE, INVALID_REQUEST = 1, 2, 8, 16, 1 << 32


@pytest.fixture(scope="module")
def floor(tmp_path_factory) -> ScadaFloor:
    return ScadaFloor(tmp_path_factory.mktemp("scada"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def board(floor: ScadaFloor) -> AsyncIterator[ScadaBoard]:
    async with running(floor.board(results_kept=3, job_orders_kept=2, idle_after_s=600)) as board:
        yield board


@pytest_asyncio.fixture(loop_scope="module")
async def observer(floor: ScadaFloor, board: ScadaBoard) -> AsyncIterator[Scada]:
    async with floor.client("observer") as client:
        await client.client.load_data_type_definitions()
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def engineer(floor: ScadaFloor, board: ScadaBoard) -> AsyncIterator[Scada]:
    async with floor.client("engineer") as client:
        await client.client.load_data_type_definitions()
        yield client


async def vision_index(scada: Scada) -> int:
    return await scada.client.get_namespace_index(nodesets.VISION)


async def test_the_station_stands_among_the_machines_with_what_a_machine_says_of_itself(observer: Scada):
    machinery = await observer.client.get_namespace_index(nodesets.MACHINERY)
    [system] = await observer.client.get_node(ua.NodeId(1001, machinery)).get_children()
    assert system.nodeid == ua.NodeId(VISION, observer.index)
    children = {(await child.read_browse_name()).Name for child in await system.get_children()}
    managements = {"ResultManagement", "RecipeManagement", "ConfigurationManagement", "SafetyStateManagement"}
    assert children == {"VisionStateMachine", "SystemState", "Identification", "MachineryItemState", *managements}
    add_ins = await system.get_referenced_nodes(ua.ObjectIds.HasAddIn)
    assert {(await one.read_browse_name()).Name for one in add_ins} == {"Identification", "MachineryItemState"}
    assert await observer.value(f"{VISION}.Identification.SerialNumber") == str(STATION)
    assert (await observer.value(f"{VISION}.Identification.Manufacturer")).Text == "Jidoka"
    assert await observer.value(f"{VISION}.Identification.ProductInstanceUri") == "urn:jidoka:vision:lyon:smt1:aoi1"


@contextlib.asynccontextmanager
async def listening(scada: Scada, identifier: str, *kinds: int) -> AsyncIterator[asyncio.Queue]:
    events: asyncio.Queue = asyncio.Queue()

    class Ear:
        def event_notification(self, event: Any) -> None:
            events.put_nowait(event)

    subscription = await scada.client.create_subscription(50, Ear())
    vision = await vision_index(scada)
    types = [scada.client.get_node(ua.NodeId(kind, vision)) for kind in kinds or (RESULT_READY,)]
    source = scada.client.nodes.server if identifier == "Server" else scada.node(identifier)
    await subscription.subscribe_events(source, types, queuesize=100)
    yield events
    await subscription.delete()


@pytest.mark.parametrize("source", ["Server", VISION])
async def test_a_result_is_an_event_with_structures_at_the_system_and_at_the_server(observer, board, source):
    async with listening(observer, source) as events:
        shown = verdict(100)
        await board.show_verdict(shown)
        event = await asyncio.wait_for(events.get(), 20)
    assert event.ResultId.Id == "i-100"
    assert (event.PartId.Id, event.ProductId.Id) == ("lot-7/100", "board")
    assert (event.InternalRecipeId.Id, event.InternalRecipeId.Version, event.ExternalRecipeId.Id) == ("pcb", "1", "pcb")
    assert event.InternalConfigurationId.Id == "rules-3+model-0123456789ab"
    assert (event.ResultState, event.IsPartial, event.IsSimulated) == (1, False, False)
    assert event.CreationTime.timestamp() == pytest.approx(shown.judged_at, abs=1e-3)
    took = event.ProcessingTimes.EndTime - event.ProcessingTimes.StartTime
    assert took.total_seconds() == pytest.approx(0.1, abs=1e-3)
    outcome, label, score, said = (variant.Value for variant in event.ResultContent)
    assert (outcome, label, score, json.loads(said)["reasons"]) == ("FAIL", "spur", 0.9, ["spur at the rim"])
    assert event.SourceNode == ua.NodeId(VISION, observer.index)
    assert (event.SourceName, event.Severity, event.Message.Text) == (str(STATION), 500, "lot-7/100: FAIL spur")


async def by_id(scada: Scada, id_: str) -> tuple[str, int]:
    wanted = ua.ResultIdDataType(Id=id_)
    _handle, result, error = await scada.call(f"{RESULTS}.GetResultById", wanted, int32(1000))
    return result.ResultId.Id, error


async def filtered(scada: Scada, part: str = "", recipe: str = "", most: int = 0, start: int = 0) -> tuple[Any, ...]:
    ids = (
        ua.MeasIdDataType(),
        ua.PartIdDataType(Id=part),
        ua.RecipeIdExternalDataType(),
        ua.RecipeIdInternalDataType(Id=recipe),
        ua.ConfigurationIdDataType(),
        ua.ConfigurationIdDataType(),
        ua.ProductIdDataType(),
        ua.JobIdDataType(),
    )
    paging = uint32(most), uint32(start), int32(1000)
    complete, count, _handle, results, error = await scada.call(
        f"{RESULTS}.GetResultListFiltered", int32(0), *ids, *paging
    )
    assert (count, error) == (len(results or ()), 0)
    return complete, [result.ResultId.Id for result in results or ()]


async def test_the_last_results_can_be_asked_for_again_and_older_ones_are_unknown(observer, board):
    for number in range(1, 5):
        await board.show_verdict(verdict(number, "PASS" if number == 4 else "FAIL"))
    assert await by_id(observer, "i-2") == ("i-2", 0)
    assert await by_id(observer, "i-1") == ("", -1)  # three are kept
    assert await filtered(observer) == (True, ["i-4", "i-3", "i-2"])
    assert await filtered(observer, most=2) == (False, ["i-4", "i-3"])
    assert await filtered(observer, most=2, start=2) == (True, ["i-2"])
    assert await filtered(observer, part="lot-7/3", recipe="pcb") == (True, ["i-3"])
    assert await filtered(observer, recipe="pcb-thin") == (True, [])
    wanted = ua.ResultIdDataType(Id="i-4")
    answer = await observer.call(f"{RESULTS}.GetResultComponentsById", wanted, int32(1000))
    assert (answer[4], answer[6].Id, answer[-2][0].Value, answer[-1]) == (1, "lot-7/4", "PASS", 0)


async def test_the_state_machines_follow_what_the_mesh_does(observer, board, floor):
    async def states() -> list[str]:
        machine, mode = f"{VISION}.VisionStateMachine", f"{VISION}.VisionStateMachine.AutomaticModeStateMachine"
        names = []
        for one in (machine, mode, f"{VISION}.MachineryItemState"):
            value = await observer.node(f"{one}.CurrentState").read_data_value(raise_on_bad_status=False)
            names.append(value.Value.Value.Text if value.StatusCode.is_good() else value.StatusCode.name)
        return names

    await board.show_verdict(verdict(7))
    await eventually(states, ["Operational", "ContinuousExecution", "Executing"])
    id_ = await observer.value(f"{VISION}.VisionStateMachine.AutomaticModeStateMachine.CurrentState.Id")
    assert id_ == ua.NodeId(5059, await vision_index(observer))
    await board.show_silent(STATION)
    await eventually(states, ["Error", "BadStateNotActive", "OutOfService"])
    await board.show_verdict(verdict(8))
    await eventually(states, ["Operational", "ContinuousExecution", "Executing"])


async def test_each_transition_is_an_event_and_an_error_is_one_more_with_what_to_look_at(observer, board):
    await board.show_verdict(verdict(20))
    vision = await vision_index(observer)
    async with listening(observer, VISION, STATE_CHANGED, ERROR, ERROR_RESOLVED) as events:
        await board.show_silent(STATION)
        silent = [await asyncio.wait_for(events.get(), 20) for _ in range(2)]
        assert (await observer.value(f"{VISION}.SystemState")).State == 5  # unscheduled downtime
        await board.show_verdict(verdict(21))
        back = [await asyncio.wait_for(events.get(), 20) for _ in range(2)]
        assert (await observer.value(f"{VISION}.SystemState")).State == 1  # production
        await board.show_verdict(verdict(22))
        assert events.empty(), "a part more is no transition"

    assert {event.EventType.Identifier for event in silent} == {STATE_CHANGED, ERROR}
    assert {event.EventType.Identifier for event in back} == {STATE_CHANGED, ERROR_RESOLVED}
    for event in silent:
        assert (event.FromState.Text, event.ToState.Text) == ("Operational", "Error")
        assert event.Transition.Text == "OperationalToErrorAuto"
        ids = [getattr(event, f"{field}/Id") for field in ("Transition", "FromState", "ToState")]
        assert ids == [ua.NodeId(number, vision) for number in (5051, 5031, 5030)]
        assert (event.SourceNode, event.Severity) == (ua.NodeId(VISION, observer.index), 800)
        assert event.Message.Text == f"{STATION}: parts pass and no verdict comes: look at camera, model and inference"
    assert {event.Transition.Text for event in back} == {"ErrorToOperationalAuto"}


async def test_a_method_may_be_named_by_its_type_and_the_role_is_asked_all_the_same(observer, engineer, floor):
    """OPC 10000-4, 5.12.2: some clients always do."""
    vision = await vision_index(observer)
    ids = ua.RecipeIdExternalDataType(Id="pcb-thin"), ua.RecipeIdInternalDataType()
    prepare, get_result = ua.NodeId(7015, vision), ua.NodeId(7026, vision)
    floor.told.clear()
    for elsewhere in (f"{VISION}.ResultManagement", VISION):  # not a method of these: it stays what it is, forbidden
        with pytest.raises(BadUserAccessDenied):
            await engineer.node(elsewhere).call_method(prepare, *ids)
    with pytest.raises(BadUserAccessDenied):
        await observer.node(RECIPES).call_method(prepare, *ids)
    with pytest.raises(BadUserAccessDenied):
        await observer.node(f"{JOBS}").call_method(ua.NodeId(7012, await jobs_index(observer)), "J9", NO_COMMENT)
    assert floor.told == []
    internal, _done, error = await engineer.node(RECIPES).call_method(prepare, *ids)
    assert (internal.Id, error, [change.recipe for change in floor.told]) == ("pcb-thin", 0, ["pcb-thin"])
    answer = await observer.node(RESULTS).call_method(get_result, ua.ResultIdDataType(Id="nobody"), int32(0))
    assert answer[-1] == -1


async def jobs_index(scada: Scada) -> int:
    return await scada.client.get_namespace_index(nodesets.JOBS)


async def test_the_active_configuration_is_rules_and_model(observer, engineer, board):
    await board.show_verdict(verdict(9))
    active = await observer.value(f"{CONFIGURATIONS}.ActiveConfiguration")
    assert (active.InternalId.Id, active.InternalId.Version) == ("rules-3+model-0123456789ab", "3")
    listing = await observer.call(f"{CONFIGURATIONS}.GetConfigurationList", uint32(0), uint32(0), int32(0))
    assert [one.InternalId.Id for one in listing[3]] == [active.InternalId.Id]
    found = await observer.call(f"{CONFIGURATIONS}.GetConfigurationById", active.InternalId, int32(0))
    assert (found[1].InternalId.Id, found[2]) == (active.InternalId.Id, 0)
    other = ua.ConfigurationIdDataType(Id="rules-4")
    assert await engineer.call(f"{CONFIGURATIONS}.ActivateConfiguration", other) == -5  # at the gateway, by two people
    assert await engineer.call(f"{CONFIGURATIONS}.ActivateConfiguration", active.InternalId) == 0


async def prepare(scada: Scada, name: str) -> tuple[Any, ...]:
    ids = ua.RecipeIdExternalDataType(Id=name), ua.RecipeIdInternalDataType()
    internal, done, error = await scada.call(f"{RECIPES}.PrepareRecipe", *ids)
    return internal.Id, done, error


async def test_an_engineer_asks_for_a_recipe_and_the_mesh_is_told(engineer, observer, board, floor):
    await board.show_verdict(verdict(10))
    floor.told.clear()
    assert await prepare(engineer, "pcb-thin") == ("pcb-thin", False, 0)
    assert floor.told == [ContextChange(LINE, "aoi1", recipe="pcb-thin", source="scada:prepare-recipe")]
    assert await prepare(engineer, "pcb") == ("pcb", True, 0)  # its last verdict names it already
    assert await prepare(engineer, "unheard-of") == ("unheard-of", False, -1)
    any_ = ua.RecipeIdExternalDataType(), ua.ProductIdDataType()
    for prepared, names in ((2, ["pcb", "pcb-thin"]), (1, ["pcb"]), (0, ["pcb-thin"])):
        answer = await observer.call(
            f"{RECIPES}.GetRecipeListFiltered", *any_, int32(prepared), uint32(0), uint32(0), int32(0)
        )
        assert [one.Id for one in answer[3]] == names
    with pytest.raises(BadUserAccessDenied):
        await prepare(observer, "pcb-thin")
    assert len(floor.told) == 2
    for wrong in (("pcb", 7), (ua.RecipeIdExternalDataType(Id="pcb"),)):
        with pytest.raises(BadInvalidArgument):
            await engineer.call(f"{RECIPES}.PrepareRecipe", *wrong)


async def test_each_role_may_do_its_part_and_nobody_starts_or_stops_the_inspection(engineer, observer, floor):
    async with floor.client("operator") as operator, floor.client("mes") as mes:
        reported = (ua.Variant(True), "curtain broken")
        assert await operator.call(f"{SAFETY}.ReportSafetyState", *reported) == 0
        assert await observer.value(f"{SAFETY}.VisionSafetyTriggered")
        assert await observer.value(f"{SAFETY}.VisionSafetyInformation") == "curtain broken"
        assert await mes.call(f"{JOBS}.Clear", "J9", NO_COMMENT) == UNKNOWN_ID
        for client, method, inputs in (
            (observer, f"{SAFETY}.ReportSafetyState", reported),
            (observer, f"{JOBS}.Clear", ("J9", NO_COMMENT)),
            (mes, f"{SAFETY}.ReportSafetyState", reported),
            (operator, f"{RECIPES}.PrepareRecipe", ("", "")),
            (operator, f"{VISION}.VisionStateMachine.Halt", (int32(1), "why")),
        ):
            with pytest.raises(BadUserAccessDenied):
                await client.call(method, *inputs)
    halt = f"{VISION}.VisionStateMachine.Halt"
    assert not (await engineer.node(halt).read_attribute(ua.AttributeIds.Executable)).Value.Value
    with pytest.raises(BadNotExecutable):
        await engineer.call(halt, int32(1), "why")


def order(id_: str, lot: str, recipe: str = "pcb-thin") -> Any:
    supplier = ua.ISA95PropertyDataType(ID="Supplier", Value=ua.Variant("ACME"))
    material = ua.ISA95MaterialDataType(MaterialDefinitionID="FR4", MaterialLotID=lot, Properties=[supplier])
    master = ua.ISA95WorkMasterDataType(ID=recipe)
    return ua.ISA95JobOrderDataType(JobOrderID=id_, WorkMasterID=[master], MaterialRequirements=[material])


async def test_a_job_order_of_the_mes_becomes_context_and_stands_in_the_list(floor, board, observer):
    async def listed() -> dict[str, tuple[str, int]]:
        jobs = await observer.value(f"{JOBS}.JobOrderList") or []
        return {one.JobOrder.JobOrderID: (one.State[0].StateText.Text, one.State[0].StateNumber) for one in jobs}

    floor.told.clear()
    async with floor.client("mes") as mes:
        assert await mes.call(f"{JOBS}.Store", order("J1", "L1"), NO_COMMENT) == NO_ERROR
        assert (floor.told, await listed()) == ([], {"J1": ("NotAllowedToStart", 1)})
        assert await mes.call(f"{JOBS}.Start", "J1", NO_COMMENT) == NO_ERROR
        first = ContextChange(LINE, "", "L1", "FR4", "ACME", "pcb-thin", "", "J1", "scada:job-order")
        assert floor.told == [first]
        assert (await observer.value(f"{JOBS}.CurrentState")).Text == "Running"
        assert await mes.call(f"{JOBS}.StoreAndStart", order("J2", "L2"), NO_COMMENT) == NO_ERROR
        assert [change.lot for change in floor.told] == ["L1", "L2"]
        assert await listed() == {"J1": ("Ended", 5), "J2": ("Running", 3)}
        await board.show_verdict(verdict(11))
        kept = await observer.call(f"{RESULTS}.GetResultById", ua.ResultIdDataType(Id="i-11"), int32(0))
        assert kept[1].JobId.Id == "J2"
        assert await mes.call(f"{JOBS}.Update", order("J2", "L3"), NO_COMMENT) == NO_ERROR
        assert floor.told[-1].lot == "L3"
        assert await mes.call(f"{JOBS}.Start", "J2", NO_COMMENT) == INVALID_STATUS
        assert await mes.call(f"{JOBS}.Store", order("J3", "L3", "unheard-of"), NO_COMMENT) == INVALID_REQUEST
        assert await mes.call(f"{JOBS}.Store", order("", "L3"), NO_COMMENT) == INVALID_REQUEST
        states = []
        for command in ("Pause", "Resume", "Stop", "Clear"):
            assert await mes.call(f"{JOBS}.{command}", "J2", NO_COMMENT) == NO_ERROR
            states.append((await observer.value(f"{JOBS}.CurrentState")).Text)
        assert states == ["Interrupted", "Running", "Ended", "Ended"]
        assert await listed() == {"J1": ("Ended", 5)}
        assert await mes.call(f"{JOBS}.Store", order("J4", "L4"), NO_COMMENT) == NO_ERROR
        assert await mes.call(f"{JOBS}.Cancel", "J4", NO_COMMENT) == NO_ERROR
        assert await mes.call(f"{JOBS}.Clear", "J1", NO_COMMENT) == NO_ERROR
    assert await listed() == {}
    assert [change.lot for change in floor.told] == ["L1", "L2", "L3", "L3"]  # a resumed order says it again


async def test_an_order_that_the_broker_did_not_store_has_not_begun(floor, board, observer, monkeypatch):
    async def refuse(*_: object) -> int:
        raise Unavailable("the broker is away")

    receiver, told = board._receivers[LINE], len(floor.told)
    async with floor.client("mes") as mes:
        with monkeypatch.context() as away:
            away.setattr(receiver, "_store_list", refuse)
            assert await mes.call(f"{JOBS}.StoreAndStart", order("J5", "L5"), NO_COMMENT) == UNABLE
            assert await observer.value(f"{JOBS}.JobOrderList") in (None, [])
            assert len(floor.told) == told, "parts go on as before (B9)"
        assert await mes.call(f"{JOBS}.StoreAndStart", order("J5", "L5"), NO_COMMENT) == NO_ERROR
        assert floor.told[-1].lot == "L5"


async def test_the_pause_is_mirrored_for_systems_that_only_read_tags(observer, board):
    request = PauseRequest("r1", "e1", STATION, "5 spurs in a row", 101, 105, 2e9, 1, STATION)
    await board.show_pause(request, "acked", 1_700_000_000, 0x0100_0007)
    tags = "Requested", "Reason", "CmdId", "State", "SuspectFrom", "SuspectTo"
    mirror = f"LinePause/{LINE}"
    said = [await observer.value(f"{mirror}/{tag}") for tag in tags]
    assert said == [True, "5 spurs in a row", 0x0100_0007, "acked", 101, 105]
    assert (await observer.value(f"{mirror}/Since")).timestamp() == 1_700_000_000
    await board.show_running(LINE, 1_700_000_060)
    assert (await observer.value(f"{mirror}/Requested"), await observer.value(f"{mirror}/State")) == (False, "idle")
    assert await observer.value(f"Line/{LINE}/PauseState") == "idle"
    await board.show_line(LINE, PlcView(detail="the PLC refuses our user: check it"), 1_700_000_060)
    assert await observer.value(f"Line/{LINE}/LinkDetail") == "the PLC refuses our user: check it"
