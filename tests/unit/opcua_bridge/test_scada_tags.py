import pytest
from asyncua import Server, ua

from services.opcua_bridge.adapters.scada.tags import Tags, Trust


@pytest.fixture
async def server() -> Server:
    server = Server()
    await server.init()
    return server


async def test_a_value_says_when_it_was_true_and_how_far_to_believe_it(server: Server):
    tags = Tags(server, 2)
    await tags.add("Line", "lyon/smt1", {"A": (ua.VariantType.Int32, "plc"), "B": (ua.VariantType.Boolean, "bridge")})

    async def status(tag: str) -> str:
        node = server.get_node(ua.NodeId(f"Line/lyon/smt1/{tag}", 2))
        return (await node.read_data_value(raise_on_bad_status=False)).StatusCode.name

    assert await status("A") == "BadWaitingForInitialData"
    await tags.set_trust("plc", Trust.LAST_USABLE)
    assert await status("A") == "BadWaitingForInitialData"  # there is no last usable value yet
    await tags.show("Line/lyon/smt1/A", 6, 1_700_000_000)
    await tags.show("Line/lyon/smt1/B", True, 1_700_000_000)
    assert (await status("A"), await status("B")) == ("UncertainLastUsableValue", "Good")
    await tags.set_trust("plc", Trust.LOST)
    assert (await status("A"), await status("B")) == ("BadCommunicationError", "Good")
    await tags.set_trust("plc", Trust.GOOD)
    assert await status("A") == "Good"
    value = await server.get_node(ua.NodeId("Line/lyon/smt1/A", 2)).read_data_value()
    assert (value.Value.Value, value.SourceTimestamp.timestamp()) == (6, 1_700_000_000)
