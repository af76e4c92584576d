"""OPC UA with a client and a server that nobody here wrote: node-opcua, encrypted, with trust lists on both sides."""

import json
import shutil
from pathlib import Path

import pytest
import pytest_asyncio
import yaml
from asyncua import ua
from opcua_peer import PeerClient, PeerError, peer_server
from scada_floor import LINE, STATION, VISION, ScadaFloor, running, verdict

from services.opcua_bridge.adapters.plc_session import PlcAddress, PlcRefusedError, opened
from services.opcua_bridge.adapters.scada import NAMESPACE, nodesets
from services.opcua_bridge.adapters.trust import read_certificate
from services.opcua_bridge.adapters.users import fingerprint
from services.opcua_bridge.domain.line import PlcView
from tools.certs import CERTIFICATE, PRIVATE_KEY, ensure_pki, shelf
from tools.ports import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")
POLICIES = ("Basic256Sha256", "Aes256_Sha256_RsaPss")
TAG_SPACE = "urn:test:plc"


@pytest.fixture(scope="module")
def floor(tmp_path_factory) -> ScadaFloor:
    floor = ScadaFloor(tmp_path_factory.mktemp("interop"))
    floor.pki |= ensure_pki(floor.folder / "pki", {name: f"urn:test:{name}" for name in ("plc", "anna")})
    accounts = yaml.safe_load(floor.users.read_text())
    anna = fingerprint(read_certificate(floor.pki["anna"] / CERTIFICATE))
    floor.users.write_text(yaml.safe_dump(accounts | {"anna": {"role": "observer", "certificate": anna}}))
    return floor


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def board(floor):
    async with running(floor.board()) as board:
        yield board


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node():
    async with PeerClient.started() as peer:
        yield peer


def who(floor: ScadaFloor, role: str, policy: str = POLICIES[0], **more) -> dict:
    """How the peer connects to us: with our plant's CA in its store."""
    home, bridge = floor.pki["client"], floor.pki["bridge"]
    given = {
        "url": floor.url,
        "home": str(home),
        "uri": "urn:test:client",
        "policy": policy,
        "store": str(floor.folder / "store"),
        "trusted": [str(bridge / CERTIFICATE)],
        "issuers": [str(home / "trusted/plant-ca.der")],
        "crls": [str(home / "crl/plant-ca.crl")],
    }
    return given | ({"user": role, "password": f"{role}-pw"} if role else {}) | more


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(floor, board, node):
    """Connects in a role, and is away again afterwards."""

    async def connect(role: str, **more) -> tuple[PeerClient, int]:
        await node("connect", **who(floor, role, **more))
        return node, await node("index", uri=NAMESPACE)

    yield connect
    await node("disconnect")


async def test_it_is_offered_encryption_and_nothing_else(floor, board, node):
    offered = await node("endpoints", **who(floor, ""))
    await node("disconnect")
    assert sorted(offered) == [["Aes256_Sha256_RsaPss", "SignAndEncrypt"], ["Basic256Sha256", "SignAndEncrypt"]]
    with pytest.raises(PeerError):
        await node("connect", **who(floor, "observer", naked=True))
    await node("disconnect")


@pytest.mark.parametrize("policy", POLICIES)
async def test_it_browses_reads_and_follows_our_tags(visitor, board, policy):
    node, own = await visitor("observer", policy=policy)
    names = {name for name, _ in await node("browse", node="ObjectsFolder")}
    assert {"Server", "Line", "Station", "LinePause", "Jobs"} <= names
    await node("subscribe")
    await node("watch", node=f"ns={own};s=Line/{LINE}/PackMLState")
    await board.show_line(LINE, PlcView(link_up=True, state=11, remote_pause_enabled=True), 1_700_000_000)
    await node.hears("changed", value=11)
    read = await node("read", node=f"ns={own};s=Line/{LINE}/PackMLState")
    assert (read["value"], read["status"]) == (11, "Good")
    await board.show_line(LINE, PlcView(link_up=True, state=6, remote_pause_enabled=True), 1_700_000_001)
    await node.hears("changed", value=6)


async def test_it_decodes_the_structures_of_our_events_and_methods(visitor, board):
    node, own = await visitor("observer")
    vision = await node("index", uri=nodesets.VISION)
    await node("subscribe")
    fields = [
        "SourceName",
        "Severity",
        "Message",
        *(f"{vision}:{name}" for name in ("ResultId", "PartId", "ResultContent")),
    ]
    await node("events", node=f"ns={own};s={VISION}", type=f"ns={vision};i=1024", fields=fields)
    await board.show_verdict(verdict(41))
    heard = (await node.hears("event"))["event"]
    assert heard["SourceName"] == str(STATION)
    assert (heard[f"{vision}:ResultId"]["id"], heard[f"{vision}:PartId"]["id"]) == ("i-41", "lot-7/41")
    outcome, label, score, said = heard[f"{vision}:ResultContent"]
    assert (outcome, label, score, json.loads(said)["reasons"]) == ("FAIL", "spur", 0.9, ["spur at the rim"])


async def test_it_may_call_what_its_role_may_and_no_more(visitor, board, floor):
    await board.show_verdict(verdict(42))

    async def call(peer: PeerClient, own: int, management: str, method: str, *inputs, by_type: str = "") -> list:
        owner = f"ns={own};s={VISION}.{management}"
        answer = await peer("call", object=owner, method=by_type or f"{owner}.{method}", inputs=inputs)
        assert answer["status"] == "Good"
        return answer["outputs"]

    prepare = "RecipeManagement", "PrepareRecipe", {"id": "pcb-thin"}, {}
    peer, own = await visitor("observer")
    _handle, result, error = await call(peer, own, "ResultManagement", "GetResultById", {"id": "i-42"}, 1000)
    assert (result["partId"]["id"], error) == ("lot-7/42", 0)
    with pytest.raises(PeerError, match="BadUserAccessDenied"):
        await call(peer, own, *prepare)
    of_the_type = f"ns={await peer('index', uri=nodesets.VISION)};i=7015"
    with pytest.raises(PeerError, match="BadUserAccessDenied"):
        await call(peer, own, *prepare, by_type=of_the_type)
    assert floor.told == []
    await peer("disconnect")
    peer, own = await visitor("engineer")
    internal, prepared, error = await call(peer, own, *prepare)
    assert (internal["id"], prepared, error) == ("pcb-thin", False, 0)
    _internal, _prepared, error = await call(peer, own, *prepare, by_type=of_the_type)
    assert (error, [change.recipe for change in floor.told]) == (0, ["pcb-thin", "pcb-thin"])


async def test_a_user_may_log_in_with_a_certificate(visitor, floor):
    own = floor.pki["anna"]
    peer, index = await visitor("", userCertificate=str(own / CERTIFICATE), userKey=str(own / PRIVATE_KEY))
    assert (await peer("read", node=f"ns={index};s=Line/{LINE}/LinkUp"))["type"] == "Boolean"
    await peer("disconnect")
    other = floor.pki["plc"]
    with pytest.raises(PeerError, match="BadUserAccessDenied"):
        await visitor("", userCertificate=str(other / CERTIFICATE), userKey=str(other / PRIVATE_KEY))


async def test_a_wrong_password_or_an_unknown_certificate_stays_outside(floor, board, node):
    strangers = ensure_pki(floor.folder / "elsewhere", {"client": "urn:test:client"})
    for wrong, said in (
        ({"password": "wrong"}, "BadUserAccessDenied"),
        ({"home": str(strangers["client"])}, "BadCertificateUntrusted"),
        ({"user": ""}, "Cannot find ANONYMOUS user token policy"),
    ):
        with pytest.raises(PeerError, match=said):
            await node("connect", **who(floor, "observer", **wrong))
        await node("disconnect")


def plc(floor: ScadaFloor, port: int, **more) -> dict:
    """The peer's server: it trusts the plant's CA."""
    home = floor.pki["plc"]
    given = {
        "port": port,
        "home": str(home),
        "uri": "urn:test:plc",
        "store": str(floor.folder / f"plc-store-{port}"),
        "trusted": [str(floor.pki["bridge"] / CERTIFICATE)],
        "issuers": [str(home / "trusted/plant-ca.der")],
        "crls": [str(home / "crl/plant-ca.crl")],
        "namespace": TAG_SPACE,
        "tags": {"Counter": "UInt32", "Text": "String"},
        "users": {"bridge": "bridge-pw"},
    }
    return given | more


async def test_our_client_at_its_server_both_with_trust_lists(floor):
    port = free_port()
    url = f"opc.tcp://127.0.0.1:{port}/plc"

    def address(user: str = "bridge", policy: str = "Basic256Sha256", pki=floor.pki["bridge"]) -> PlcAddress:
        return PlcAddress(LINE, url, TAG_SPACE, user, "bridge-pw", pki, policy)

    async with peer_server(**plc(floor, port)):
        for policy in ("Basic256Sha256", "Aes256Sha256RsaPss"):
            async with opened(address(policy=policy), timeout_s=10) as client:
                index = await client.get_namespace_index(TAG_SPACE)
                counter = client.get_node(ua.NodeId("Counter", index))
                await counter.write_value(ua.DataValue(ua.Variant(7, ua.VariantType.UInt32)))
                assert await counter.read_value() == 7
        with pytest.raises(PlcRefusedError, match=r"refused the user .* we log in as 'nobody'"):
            async with opened(address(user="nobody"), timeout_s=10):
                pass
        strangers = ensure_pki(floor.folder / "strange", {"bridge": "urn:test:bridge"})["bridge"]
        ours = mixed(floor.folder / "ours", own=floor.pki["bridge"], lists=strangers)
        with pytest.raises(
            PlcRefusedError, match=r"we do not accept the certificate .*: `jidoka certs trust [0-9A-F]{40}`"
        ):
            async with opened(address(pki=ours), timeout_s=10):
                pass
        theirs = mixed(floor.folder / "theirs", own=strangers, lists=floor.pki["bridge"])
        with pytest.raises(PlcRefusedError, match="does not trust our certificate, trust it there; its thumbprint is"):
            async with opened(address(pki=theirs), timeout_s=10):
                pass
        [rejected] = (ours / "rejected").glob("*.der")
        shelf.trust(ours, read_certificate(rejected))
        async with opened(address(pki=ours), timeout_s=10):
            assert not list((ours / "rejected").iterdir())


def mixed(folder: Path, own: Path, lists: Path) -> Path:
    """A PKI folder that is one and trusts what another does."""
    shutil.copytree(lists, folder)
    shutil.rmtree(folder / "own")
    shutil.copytree(own / "own", folder / "own")
    return folder
