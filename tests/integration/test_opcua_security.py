"""Nobody gets past the OPC UA server's door, and everybody who tries is on record."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
import yaml
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyAes256Sha256RsaPss, SecurityPolicyBasic256Sha256
from asyncua.ua import uaerrors
from opcua_fortress import Fortress, tag, write_speed

from services.opcua_bridge.adapters import users
from services.opcua_bridge.adapters.plain_words import explain

PEER = "the server at opc.tcp://line1:4841"
SILENT_S = 20


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(tmp_path_factory):
    fortress = Fortress(tmp_path_factory.mktemp("fortress"))
    async with fortress.open():
        yield fortress


@pytest_asyncio.fixture(loop_scope="module")
async def fortress(standing):
    """One server for all: it takes two seconds to build. Each test finds it as it was."""
    await standing.server.get_node(tag("Speed")).write_value(1.0)
    standing.heard.clear()
    standing.deaf = False
    standing.server.iserver.max_sessions = 50
    accounts = standing.users.read_text()
    yield standing
    standing.users.write_text(accounts)


class Ears:
    """Hears data changes."""

    def __init__(self) -> None:
        self.values: asyncio.Queue[float] = asyncio.Queue()

    def datachange_notification(self, _node, value, _data) -> None:
        self.values.put_nowait(value)

    async def hear(self, wanted: float) -> None:
        async with asyncio.timeout(SILENT_S):
            while await self.values.get() != wanted:
                pass


async def follow(client: Client) -> tuple[Ears, int]:
    ears = Ears()
    subscription = await client.create_subscription(50, ears)
    await subscription.subscribe_data_change(client.get_node(tag("Speed")))
    return ears, subscription.subscription_id


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SILENT_S):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_without_encryption_one_learns_the_endpoints_and_nothing_else(fortress):
    endpoints = await Client(fortress.url).connect_and_get_server_endpoints()
    offered = {(one.SecurityPolicyUri.rpartition("#")[2], one.SecurityMode.name) for one in endpoints}
    assert offered == {
        ("Basic256Sha256", "SignAndEncrypt"),
        ("Aes256_Sha256_RsaPss", "SignAndEncrypt"),
    }
    kinds = {token.TokenType.name for one in endpoints for token in one.UserIdentityTokens}
    assert kinds == {"UserName", "Certificate"}
    naked = Client(fortress.url, timeout=10)
    await naked.connect_socket()
    try:
        await naked.send_hello()
        await naked.open_secure_channel()
        with pytest.raises(uaerrors.BadSecurityChecksFailed):
            await naked.create_session()
        naked.uaclient.session.authentication_token = ua.NodeId()
        with pytest.raises(uaerrors.BadUserAccessDenied):
            await naked.nodes.server.read_browse_name()
    finally:
        naked.disconnect_socket()
    for policy in (SecurityPolicyBasic256Sha256, SecurityPolicyAes256Sha256RsaPss):
        async with fortress.client(user="observer", policy=policy) as client:
            assert await client.get_node(tag("Speed")).read_value() == 1.0


async def test_password_and_certificate_both_lead_to_a_role(fortress):
    async with fortress.client(user="operator") as client:
        await write_speed(client)
        greeting = await client.nodes.objects.call_method(tag("Greet"), "hello")
        assert greeting == "hello, says operator as operator"
        with pytest.raises(uaerrors.BadUserAccessDenied):
            await client.nodes.objects.call_method(tag("Reset"))
    async with fortress.client(user_certificate="anna") as client:
        assert await client.nodes.objects.call_method(tag("Greet"), "hi") == "hi, says anna as engineer"
        await client.nodes.objects.call_method(tag("Reset"))
    for unknown in ({"user_certificate": "other"}, {"user": "anna", "password": "x"}, {"user": "nobody"}):
        with pytest.raises(uaerrors.BadUserAccessDenied):
            async with fortress.client(**unknown):
                pass
    with pytest.raises(uaerrors.BadIdentityTokenRejected):
        async with fortress.client():
            pass


async def test_an_account_that_is_taken_away_loses_its_session(fortress):
    async with fortress.client(user="observer") as client:
        accounts = yaml.safe_load(fortress.users.read_text())
        accounts.pop("observer")
        fortress.users.write_text(yaml.safe_dump(accounts))

        async def is_out() -> bool:
            try:
                await client.get_node(tag("Speed")).read_value()
            except uaerrors.BadSessionClosed:
                return True
            return False

        await until(is_out)


async def test_who_guesses_passwords_waits_and_locks_out_nobody_else(fortress):
    for _ in range(5):
        with pytest.raises(uaerrors.BadUserAccessDenied):
            async with fortress.client(user="operator", password="guess"):
                pass
    with pytest.raises(uaerrors.BadUserAccessDenied):
        async with fortress.client(user="operator"):
            pass
    async with fortress.client("other", user="operator"):
        pass

    async def forgiven() -> bool:
        with contextlib.suppress(uaerrors.BadUserAccessDenied):
            async with fortress.client(user="operator"):
                return True
        return False

    await until(forgiven)


@pytest.mark.parametrize("user", ["operator", "nobody"])
async def test_a_guess_is_hashed_beside_the_loop_that_carries_the_heartbeat_of_the_plc(fortress, monkeypatch, user):
    """B21: 40 ms of scrypt for each log-in stalled the link to the machine."""
    threads: list[threading.Thread] = []
    hashed = users.hashed

    def noted(*args: Any) -> str:
        threads.append(threading.current_thread())
        return hashed(*args)

    monkeypatch.setattr(users, "hashed", noted)
    with pytest.raises(ua.UaStatusCodeError):
        async with fortress.client(user=user, password="guess"):
            pass

    assert len(threads) == 1
    assert threading.main_thread() not in threads


async def test_a_stranger_who_guesses_session_tokens_gets_none_and_the_victim_hears_on(fortress):
    """asyncua alone counts tokens, and the first right guess silences the victim."""
    async with fortress.client(user="operator") as victim:
        ears, _ = await follow(victim)
        await ears.hear(1.0)
        victims = victim.uaclient.session.authentication_token
        assert len(victims.Identifier) == 32
        stranger = await fortress.client("stranger", user="operator").prepared()
        guesses = [ua.NodeId(number) for number in range(1000, 1030)]
        for token in (*guesses, ua.NodeId(bytes(32), 0, ua.NodeIdType.ByteString)):
            assert await steal(stranger, token) == "BadSessionIdInvalid"
        thief = await fortress.client("other", user="operator").prepared()
        assert await steal(thief, victims) == "BadSecurityChecksFailed"
        await write_speed(victim, 7.0)
        await ears.hear(7.0)


async def steal(client: Client, token: ua.NodeId) -> str:
    """What an ActivateSession with another one's token brings, on a channel of one's own."""
    await client.connect_socket()
    try:
        await client.send_hello()
        await client.open_secure_channel()
        client.uaclient.session.authentication_token = token
        request = ua.ActivateSessionRequest()
        request.Parameters.UserIdentityToken = ua.UserNameIdentityToken(PolicyId="username", UserName="operator")
        request.Parameters.UserIdentityToken.Password = b"operator-pw"
        request.Parameters.ClientSignature.Signature = bytes(256)
        request.RequestHeader.AuthenticationToken = token
        socket = client.uaclient.protocol
        socket.authentication_token = token
        try:
            await socket.send_request(request)
        except uaerrors.UaStatusCodeError as error:
            return ua.StatusCode(error.code).name
        return "Good"
    finally:
        client.disconnect_socket()


async def test_a_subscription_belongs_to_its_session_and_moves_only_with_its_user(fortress):
    async with fortress.client(user="operator") as owner:
        ears, number = await follow(owner)
        await ears.hear(1.0)
        async with fortress.client(user="observer") as other:
            own_ears, _ = await follow(other)
            await own_ears.hear(1.0)
            [deleted] = await other.uaclient.delete_subscriptions([number])
            assert deleted.name == "BadSubscriptionIdInvalid"
            silence = ua.SetPublishingModeParameters(False, [number])
            with pytest.raises(uaerrors.BadSubscriptionIdInvalid):
                await other.uaclient.set_publishing_mode(silence)
            [taken] = await other.uaclient.transfer_subscriptions(ua.TransferSubscriptionsParameters([number], True))
            assert taken.StatusCode.name == "BadUserAccessDenied"
        await write_speed(owner, 3.0)
        await ears.hear(3.0)
        async with fortress.client(user="operator") as same:
            own_ears, _ = await follow(same)  # starts the client's publish loop
            await own_ears.hear(3.0)
            moved: asyncio.Queue[ua.PublishResult] = asyncio.Queue()
            same.uaclient.session._subscription_callbacks[number] = moved.put_nowait
            [taken] = await same.uaclient.transfer_subscriptions(ua.TransferSubscriptionsParameters([number], True))
            assert taken.StatusCode.is_good()
            await write_speed(same, 5.0)
            async with asyncio.timeout(SILENT_S):
                while not (await moved.get()).NotificationMessage.NotificationData:
                    pass


async def test_a_full_session_table_says_so_and_empties_again(fortress):
    fortress.server.iserver.max_sessions = 2
    async with fortress.client(user="observer"), fortress.client(user="operator"):
        with pytest.raises(uaerrors.BadTooManySessions) as refused:
            async with fortress.client(user="engineer"):
                pass
        assert "has no free session: close clients" in explain(refused.value, PEER)
    for _ in range(3):  # who is refused at the door takes no place
        with pytest.raises(uaerrors.BadCertificateUntrusted):
            async with fortress.client("stranger", user="observer"):
                pass
    async with fortress.client(user="observer"), fortress.client(user="operator"):
        pass


async def test_calls_writes_and_refusals_are_on_record_in_order_with_their_caller(fortress):
    async with fortress.client(user="operator") as client:
        await write_speed(client, 4.0)
        await client.nodes.objects.call_method(tag("Greet"), "x" * 500)
        with pytest.raises(uaerrors.BadUserAccessDenied):
            await client.nodes.objects.call_method(tag("Reset"))
        with pytest.raises(uaerrors.BadTypeMismatch):
            await write_speed(client, "fast", ua.VariantType.String)
    with pytest.raises(uaerrors.BadUserAccessDenied):
        async with fortress.client(user="operator", password="wrong"):
            pass
    with pytest.raises(uaerrors.BadCertificateUntrusted):
        async with fortress.client("stranger", user="operator"):
            pass

    async def complete() -> bool:
        return len(fortress.heard) >= 8

    await until(complete)
    record = [(entry.act, entry.node, entry.result) for entry in fortress.heard]
    assert record == [
        ("log in", "", "Good"),
        ("write", "ns=2;s=Speed", "Good"),
        ("call", "ns=2;s=Greet", "Good"),
        ("call", "ns=2;s=Reset", "BadUserAccessDenied"),
        ("write", "ns=2;s=Speed", "BadTypeMismatch"),
        ("log out", "", "Good"),
        ("log in", "", "BadUserAccessDenied"),
        ("create session", "", "BadCertificateUntrusted"),
    ]
    assert fortress.heard[6].caller.user == "operator"
    greeting = fortress.heard[2]
    assert len(greeting.arguments) == 200
    assert (greeting.caller.user, greeting.caller.role) == ("operator", "operator")
    assert len(greeting.caller.thumbprint) == 40
    assert greeting.caller.peer.startswith("127.0.0.1:")
    assert "password" not in str(fortress.heard)
    assert "neither it nor its issuer" in fortress.heard[-1].arguments


async def test_a_hook_that_fails_disturbs_nobody(fortress):
    fortress.deaf = True
    async with fortress.client(user="operator") as client:
        await write_speed(client, 5.0)
        assert await client.get_node(tag("Speed")).read_value() == 5.0
