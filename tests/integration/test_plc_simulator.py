"""The simulated PLC on the wire: each kind shows its tags with their types, and its switches do what they say."""

import asyncio

import pytest
from asyncua import ua
from plant_floor import NAMESPACE, Floor, at_the_panel, client_of

from services.contracts.plc import NODES
from tools.simulators.plc_program import PROGRAMS

HELD, EXECUTE = 11, 6
KINDS = ("visif", "packml", "tag")


@pytest.fixture(scope="module")
def floors(tmp_path_factory: pytest.TempPathFactory):
    """One PLC of each kind, started together."""
    floors = {kind: Floor(tmp_path_factory.mktemp(kind), kind) for kind in KINDS}
    for floor in floors.values():
        floor.wait_ready()
    yield floors
    for floor in floors.values():
        floor.kill()


def variant(value, kind: str) -> ua.Variant:
    return ua.Variant(value, ua.VariantType[kind])


@pytest.mark.parametrize("kind", KINDS)
async def test_every_node_that_the_bridge_looks_for_is_there_with_its_type(floors, kind):
    async with at_the_panel(floors[kind], "observer") as panel:
        program = PROGRAMS[kind]
        tables = {f"{program.block}.{tag}": of for tag, of in (program.written | program.shown).items()}
        assert set(NODES[kind].values()) <= tables.keys() | {"Packml", "Packml.Hold"}
        for path, of in tables.items():
            node = panel.client.get_node(ua.NodeId(path, panel.index))
            assert (path, await node.read_data_type_as_variant_type()) == (path, of)


async def test_hold_is_a_method_that_says_when_it_is_not_legal(floors):
    floor = floors["packml"]
    async with client_of(floor.url, floor.pki["client"], "bridge", "bridge-pw") as client, at_the_panel(floor) as panel:
        index = await client.get_namespace_index(NAMESPACE)
        block = client.get_node(ua.NodeId("Packml", index))
        await block.call_method(ua.NodeId("Packml.Hold", index))
        with pytest.raises(ua.uaerrors.BadInvalidState):
            await block.call_method(ua.NodeId("Packml.Hold", index))
        await panel.until("Packml.StateCurrent", HELD)
        await panel.press("Resume")
        await panel.until("Line.Running", True)


async def test_the_boolean_pauses_and_taking_it_back_does_not_resume(floors):
    floor = floors["tag"]
    async with client_of(floor.url, floor.pki["client"], "bridge", "bridge-pw") as client, at_the_panel(floor) as panel:
        request = client.get_node(ua.NodeId("Tag.PauseRequest", await client.get_namespace_index(NAMESPACE)))
        await request.write_value(ua.DataValue(variant(True, "Boolean")))
        await panel.until("Tag.Paused", True)
        await request.write_value(ua.DataValue(variant(False, "Boolean")))
        beat = await panel.read("Tag.HbPlc")
        await panel.until_past("Tag.HbPlc", beat + 1)
        assert await panel.read("Tag.StateCurrent") == HELD
        await panel.press("Resume")
        await panel.until("Line.Running", True)


async def test_a_tester_can_break_it_and_nobody_else_can(floors):
    floor = floors["visif"]
    async with at_the_panel(floor, "tester") as tester:
        await tester.switch("WrongState", variant(99, "Int32"))
        await tester.until("VisIf.StateCurrent", 99)
        await tester.switch("WrongState", variant(0, "Int32"))
        await tester.until("VisIf.StateCurrent", EXECUTE)
        await tester.switch("Freeze", variant(True, "Boolean"))
        await asyncio.sleep(0.1)
        beat = await tester.read("VisIf.HbPlc")
        await asyncio.sleep(1.1)
        assert await tester.read("VisIf.HbPlc") == beat
        await tester.switch("Freeze", variant(False, "Boolean"))
        await tester.switch("ScanMs", variant(900, "UInt32"))  # one cycle is longer than two beats
        await tester.until_past("VisIf.HbPlc", beat + 4)
        await tester.switch("ScanMs", variant(20, "UInt32"))
    async with at_the_panel(floor, "bridge") as bridge:
        with pytest.raises(ua.uaerrors.BadUserAccessDenied):
            await bridge.switch("Reject", variant(True, "Boolean"))
        with pytest.raises(ua.uaerrors.BadUserAccessDenied):
            await bridge.restart(0)


async def test_a_power_cut_takes_the_tags_and_leaves_the_memory(floors):
    floor = floors["visif"]
    async with at_the_panel(floor, "tester") as tester:
        await tester.press("SetRemotePause", False)
        await tester.until("VisIf.RemotePauseEnabled", False)
        await tester.restart(0.2)
        with pytest.raises((ConnectionError, TimeoutError, ua.UaError)):  # noqa: PT012
            while True:  # until the power is off
                await tester.read("VisIf.HbPlc")
    for _ in range(200):
        try:
            async with at_the_panel(floor, "tester") as again:
                assert await again.read("VisIf.HbPlc") < 8
                assert not await again.read("VisIf.RemotePauseEnabled")
                await again.press("SetRemotePause", True)
                return
        except (OSError, TimeoutError, ua.UaError):
            await asyncio.sleep(0.1)
    pytest.fail("the PLC did not come back")
