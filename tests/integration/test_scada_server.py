"""The SCADA server as such: values that grow old, health, ids over a restart, life without the node sets, its speed."""

import logging
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.ua.uaerrors import BadNodeIdUnknown, BadTooManySessions
from scada_floor import LINE, NODESETS, STATION, VISION, Scada, ScadaFloor, eventually, running, verdict

from services.opcua_bridge.adapters.scada import BROKER, nodesets
from services.opcua_bridge.domain.line import PlcView
from tools.bench.scada import scada

LAST_VERDICT, PACKML = f"Station/{STATION}/LastVerdict", f"Line/{LINE}/PackMLState"
INDEX = 2  # of our namespace: registered before the node sets, which may come and go


@pytest.fixture
def floor(tmp_path: Path) -> ScadaFloor:
    return ScadaFloor(tmp_path)


async def level(client: Scada) -> int:
    return await client.client.get_node(ua.ObjectIds.Server_ServiceLevel).read_value()


async def test_a_silent_source_makes_values_uncertain_then_bad_and_the_health_drops(floor):
    async with (
        running(floor.board(None, stale_after_s=0.3, bad_after_s=0.6)) as board,
        floor.client("observer") as observer,
    ):
        await board.show_verdict(verdict(1))
        await board.show_line(LINE, PlcView(link_up=True, state=6), 1_700_000_000)
        await eventually(lambda: level(observer), 255)
        floor.alive[str(LINE)] = False
        await eventually(lambda: observer.status(PACKML), "UncertainLastUsableValue")
        await eventually(lambda: observer.status(PACKML), "BadCommunicationError")
        assert await observer.status(LAST_VERDICT) == "Good"
        await eventually(lambda: level(observer), 99)  # one source of two
        floor.alive[BROKER] = False
        await eventually(lambda: observer.status(LAST_VERDICT), "BadCommunicationError")
        await eventually(lambda: level(observer), 1)
        floor.alive |= {BROKER: True, str(LINE): True}
        await eventually(lambda: observer.status(LAST_VERDICT), "Good")
        await eventually(lambda: observer.status(PACKML), "Good")
        await eventually(lambda: level(observer), 255)


async def test_without_node_sets_it_says_so_once_and_serves_plain_variables(floor, tmp_path, caplog):
    caplog.set_level(logging.WARNING, "jidoka.opcua_bridge")
    async with running(floor.board(tmp_path / "nowhere")) as board, floor.client("observer") as observer:
        [line] = [record.getMessage() for record in caplog.records if "plain variables" in record.getMessage()]
        assert "nowhere lacks Opc.Ua.Di.NodeSet2.xml" in line
        await board.show_verdict(verdict(1))
        await board.show_silent(STATION)
        assert (observer.index, await observer.value(LAST_VERDICT)) == (INDEX, "FAIL")
        with pytest.raises(BadNodeIdUnknown):
            await observer.value(f"{VISION}.VisionStateMachine.CurrentState")


async def test_one_client_more_than_there_are_sessions_is_told_so_and_the_others_go_on(floor):
    async with running(floor.board(None, max_sessions=2)), floor.client("observer") as observer:
        async with floor.client("operator"):
            with pytest.raises(BadTooManySessions):
                async with floor.client("engineer"):
                    pass
            assert await level(observer) > 0
        async with floor.client("engineer") as engineer:
            assert await level(engineer) > 0


async def ids_of(client: Scada) -> set[tuple[str, str]]:
    """Every node of ours with its name: below Objects, and below the Machines folder."""
    found: set[tuple[str, str]] = set()
    machinery = await client.client.get_namespace_index(nodesets.MACHINERY)
    queue = [client.client.nodes.objects, client.client.get_node(ua.NodeId(1001, machinery))]
    while queue:
        for child in await queue.pop().get_children_descriptions():
            if child.NodeId.NamespaceIndex == client.index:
                found.add((child.NodeId.to_string(), child.BrowseName.Name))
                queue.append(client.client.get_node(child.NodeId))
    return found


async def test_ids_are_strings_that_stand_over_a_restart(floor):
    found = []
    for _life in range(2):
        async with running(floor.board()), floor.client("observer") as observer:
            found.append(await ids_of(observer))
            assert observer.index == INDEX
    assert found[0] == found[1]
    assert all(id_.startswith(f"ns={INDEX};s=") for id_, _name in found[0])
    plain = {f"ns={INDEX};s={id_}" for id_ in (LAST_VERDICT, PACKML, f"LinePause/{LINE}/Requested")}
    assert plain < {id_ for id_, _name in found[0]}


def test_results_reach_several_encrypted_clients_and_none_is_lost():
    """The bench itself, small: `jidoka bench line` shows 200 a second to 5 clients."""
    figures = scada(NODESETS, per_second=100, clients=2, seconds=1.5)
    assert (figures["sent"], figures["received"], figures["lost"]) == (150, 300, 0)
    assert figures["decoded"]
