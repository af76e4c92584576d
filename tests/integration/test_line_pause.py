"""The bridge against a real PLC simulator, a real broker and a network that misbehaves."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from asyncua import Client, ua
from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2
from line_talk import ask, heard, said
from plant_floor import (
    ABSENT,
    NAMESPACE,
    PLACE,
    Floor,
    Panel,
    Wire,
    at_the_panel,
    client_of,
    make_settings,
    running,
    spawned,
    until,
)

from services.chassis.errors import Unavailable
from services.contracts.subjects import (
    LINE_RESUMED,
    LINE_STATE_CHANGED,
    PAUSE_SETTLED,
    VERDICT_REACHED,
)
from services.opcua_bridge.adapters.facts import BusFacts
from services.opcua_bridge.adapters.plc_session import PlcAddress, PlcRefusedError, opened
from services.opcua_bridge.adapters.plc_tags import Tags
from services.opcua_bridge.adapters.plc_visif import HOLD
from services.opcua_bridge.domain.line import HELD, HOLDING, LineName
from services.opcua_bridge.settings import Settings

CONFIRMED = line_pb2.PAUSE_OUTCOME_CONFIRMED


@pytest.fixture
async def panel(floor: Floor) -> AsyncIterator[Panel]:
    """The line runs and may be paused, whatever the test before did."""
    async with at_the_panel(floor) as panel:
        await panel.press("SetRemotePause", True)
        if not await panel.read("Line.Running"):
            await panel.resume()
        yield panel


@pytest.fixture
def settings(floor: Floor, nats_server, tmp_path: Path) -> Settings:
    return make_settings(floor, nats_server.url, tmp_path, floor.port)


async def test_a_pause_is_confirmed_once_held_and_delayed_by_no_other_line(bus, panel, settings):
    executed = await panel.read("VisIf.Executed")
    async with running(settings):
        await ask(bus, "absent", ABSENT, ttl_s=3)
        await ask(bus, "present")
        [receipt] = await said(bus, PAUSE_SETTLED, PLACE, 1)
        await said(bus, PAUSE_SETTLED, ABSENT, 0)
        [other] = await said(bus, PAUSE_SETTLED, ABSENT, 1)

    assert receipt.outcome == CONFIRMED
    assert receipt.sent_at.ToNanoseconds() <= receipt.acknowledged_at.ToNanoseconds() < receipt.held_at.ToNanoseconds()
    assert (receipt.request_id, receipt.episode_id, receipt.attempts) == ("present", "episode-of-present", 1)
    assert (other.outcome, other.attempts) == (line_pb2.PAUSE_OUTCOME_LINK_DOWN, 0)
    assert await panel.read("VisIf.Executed") == executed + 1
    assert await panel.read("VisIf.StateCurrent") == HELD
    assert await panel.read("VisIf.ReqText") == "5 times mousebite"


async def test_a_redelivered_request_is_not_executed_again(bus, panel, settings, monkeypatch):
    executed = await panel.read("VisIf.Executed")
    publish, failures = BusFacts.settled, [Unavailable("the broker is away")]

    async def fail_once(self, *args) -> None:
        if failures:
            await panel.resume()  # the worst case: the line runs again when the request comes again
            raise failures.pop()
        await publish(self, *args)

    monkeypatch.setattr(BusFacts, "settled", fail_once)
    async with running(settings):
        await ask(bus)
        [receipt] = await said(bus, PAUSE_SETTLED, PLACE, 1)
        [resumed] = await said(bus, LINE_RESUMED, PLACE, 1)

    assert (receipt.outcome, receipt.attempts) == (CONFIRMED, 0)
    assert resumed.episode_id == receipt.episode_id
    assert await panel.read("VisIf.Executed") == executed + 1
    assert await panel.read("Line.Running")


async def test_what_is_too_old_or_forbidden_by_the_operator_moves_nothing(bus, panel, settings):
    executed = await panel.read("VisIf.Executed")
    await panel.press("SetRemotePause", False)
    async with running(settings):
        await ask(bus, "old", ttl_s=-1)
        await ask(bus, "forbidden")
        expired, rejected = await said(bus, PAUSE_SETTLED, PLACE, 2)

    assert (expired.outcome, expired.attempts) == (line_pb2.PAUSE_OUTCOME_EXPIRED, 0)
    assert (rejected.outcome, rejected.attempts) == (line_pb2.PAUSE_OUTCOME_REJECTED, 1)
    assert "remote pause off" in rejected.detail
    assert await panel.read("VisIf.Executed") == executed
    assert await panel.read("Line.Running")


async def test_a_plc_that_restarts_in_the_middle_stays_held_and_is_believed_only_then(bus, panel, settings, floor):
    executed = await panel.read("VisIf.Executed")
    async with running(settings):
        answered = asyncio.create_task(panel.until_acknowledged())
        await ask(bus, ttl_s=30)
        await answered
        floor.kill()
        floor.start()
        await asyncio.to_thread(floor.wait_ready)
        [receipt] = await said(bus, PAUSE_SETTLED, PLACE, 1)
        async with at_the_panel(floor) as after:
            assert receipt.outcome == CONFIRMED
            assert await after.read("VisIf.Executed") == executed + 1
            assert await after.read("VisIf.StateCurrent") == HELD
            await after.resume()


async def frozen(wire: Wire) -> bool:
    return not wire.open.is_set()


async def heard_again(panel: Panel, before: int) -> bool:
    return await panel.read("VisIf.HbVis") not in (before, before + 1)


async def test_a_command_frozen_on_the_wire_is_not_executed_late(bus, panel, floor, nats_server, tmp_path, monkeypatch):
    executed = await panel.read("VisIf.Executed")
    async with Wire(floor.port) as wire:
        settings = make_settings(floor, nats_server.url, tmp_path, wire.port)
        write = Tags.write

        async def freeze_behind_payload(self, values) -> None:
            await write(self, values)
            if values.get("ReqCmd") == HOLD:
                wire.open.clear()

        monkeypatch.setattr(Tags, "write", freeze_behind_payload)
        async with running(settings):
            await said(bus, LINE_STATE_CHANGED, PLACE, 2)  # link down at first, then up
            await ask(bus, ttl_s=1.5)
            await until(lambda: frozen(wire))
            await panel.until_past("VisIf.HbPlc", await panel.read("VisIf.HbPlc") + 6)
            before = await panel.read("VisIf.HbVis")
            wire.open.set()  # the commit arrives; what was written behind it may have erased it
            await until(lambda: heard_again(panel, before))
            [receipt] = await said(bus, PAUSE_SETTLED, PLACE, 1)

    unconfirmed = ("EXPIRED", "ACK_TIMEOUT", "LINK_DOWN")  # by what could be heard when
    assert receipt.outcome in [line_pb2.PauseOutcome.Value(f"PAUSE_OUTCOME_{name}") for name in unconfirmed]
    assert await panel.read("VisIf.Executed") == executed
    assert await panel.read("Line.Running")


async def test_a_bridge_that_is_killed_in_the_middle_finishes_in_its_next_life(bus, panel, settings):
    executed = await panel.read("VisIf.Executed")
    first = spawned(settings)
    try:
        await said(bus, LINE_STATE_CHANGED, PLACE, 2, deadline_s=60)  # down at first, then up: a process starts slowly
        answered = asyncio.create_task(panel.until_acknowledged())
        await ask(bus, ttl_s=20)
        await answered
    finally:
        first.kill()
        first.wait()
    async with running(settings):
        [receipt] = await said(bus, PAUSE_SETTLED, PLACE, 1)

    assert (receipt.outcome, receipt.attempts) == (CONFIRMED, 0)
    assert await panel.read("VisIf.Executed") == executed + 1


@pytest.mark.parametrize("skew_s", [-120, -6, 6, 120])
async def test_a_bridge_with_a_wrong_clock_stops_the_line_once_and_no_stale_request(bus, panel, settings, skew_s):
    """B13: six seconds of skew answered EXPIRED to every request; a clock that is behind executed stale ones."""
    executed = await panel.read("VisIf.Executed")
    bridge = spawned(settings, skew_s)
    try:
        await ask(bus, "stale", ttl_s=-1)
        await ask(bus, "fresh", ttl_s=60)  # a process starts slowly
        stale, fresh = await said(bus, PAUSE_SETTLED, PLACE, 2, deadline_s=90)
    finally:
        bridge.kill()
        bridge.wait()

    assert (stale.outcome, fresh.outcome) == (line_pb2.PAUSE_OUTCOME_EXPIRED, CONFIRMED)
    assert abs(fresh.held_at.ToNanoseconds() / 1e9 - time.time()) < 5
    assert await panel.read("VisIf.Executed") == executed + 1


async def test_a_resumed_line_is_told_once_also_when_nobody_was_looking(bus, panel, settings):
    async with running(settings):
        await ask(bus)
        await said(bus, PAUSE_SETTLED, PLACE, 1)
        await said(bus, LINE_RESUMED, PLACE, 0)
    await panel.resume()
    async with running(settings):
        [resumed] = await said(bus, LINE_RESUMED, PLACE, 1)
        states = [fact.packml_state for fact in await heard(bus, LINE_STATE_CHANGED, PLACE, 6)]
    assert resumed.episode_id == "episode-of-r1"
    # Holding is over in 0.4 s: a busy machine may not see it.
    assert [state for state in states if state != HOLDING] == [0, 6, HELD, 0, 6]
    assert await panel.read("Line.Running")


async def test_scada_reads_what_happens_and_can_change_nothing(bus, panel, settings, floor, monkeypatch):
    async with running(settings):
        await ask(bus)
        await said(bus, PAUSE_SETTLED, PLACE, 1)
        await bus.publish(VERDICT_REACHED.at(PLACE), verdict("not-in-the-plant-file"), "i-0")
        await bus.publish(VERDICT_REACHED.at(PLACE), verdict(PLACE.station), "i-1")
        async with client_of(settings.scada_url, floor.pki["client"], "observer", "observer-pw") as scada:
            index = await scada.get_namespace_index("urn:jidoka:scada")

            async def read(tag: str) -> ua.DataValue:
                return await scada.get_node(ua.NodeId(tag, index)).read_data_value(raise_on_bad_status=False)

            async def counted() -> bool:
                return (await read("Station/lyon/smt1/aoi1/FailCount")).Value.Value == 1

            await until(counted)
            label = await read("Station/lyon/smt1/aoi1/LastDefectLabel")
            assert (label.Value.Value, label.SourceTimestamp.timestamp()) == ("spur", 1_700_000_000)
            line = {tag: (await read(f"Line/lyon/smt1/{tag}")).Value.Value for tag in ("PackMLState", "PauseState")}
            assert line == {"PackMLState": HELD, "PauseState": "confirmed"}
            assert (await read("Line/lyon/smt1/SuspectFrom")).Value.Value == 101
            assert (await read("Line/lyon/smt2/PackMLState")).StatusCode.is_bad()
            with pytest.raises(ua.uaerrors.BadUserAccessDenied):
                await scada.get_node(ua.NodeId("Line/lyon/smt1/PauseState", index)).write_value("idle")
            tokens = {type(scada.uaclient.session.authentication_token.Identifier)}
            assert tokens == {bytes}

        await refused_at_every_back_door(settings.scada_url, floor, monkeypatch)


async def refused_at_every_back_door(url: str, floor: Floor, monkeypatch) -> None:
    with pytest.raises(ua.uaerrors.BadIdentityTokenRejected):
        async with client_of(url, floor.pki["client"], "", ""):
            pass
    create = Client.create_session

    async def name_no_certificate(self: Client):
        send = self.uaclient.create_session

        async def without(params: ua.CreateSessionParameters):
            params.ClientCertificate = None
            return await send(params)

        self.uaclient.create_session = without
        return await create(self)

    with pytest.raises(ua.uaerrors.BadCertificateUntrusted):
        async with client_of(url, floor.strangers["client"], "observer", "observer-pw"):
            pass
    monkeypatch.setattr(Client, "create_session", name_no_certificate)
    with pytest.raises(ua.uaerrors.BadSecurityChecksFailed):
        async with client_of(url, floor.strangers["client"], "observer", "observer-pw"):
            pass
    monkeypatch.setattr(Client, "find_endpoint", staticmethod(lambda endpoints, *_: endpoints[0]))
    plain = Client(url)
    plain.set_user("observer")
    plain.set_password("observer-pw")
    with pytest.raises(ua.uaerrors.BadSecurityChecksFailed):
        await plain.connect()


def verdict(station: str) -> verdict_pb2.Verdict:
    message = verdict_pb2.Verdict(
        inspection_id="i-1",
        station=frame_pb2.StationPath(site=PLACE.site, line=PLACE.line, station=station),
        outcome=verdict_pb2.OUTCOME_FAIL,
        defects=[verdict_pb2.Defect(label="open", score=0.5), verdict_pb2.Defect(label="spur", score=0.9)],
    )
    message.judged_at.FromSeconds(1_700_000_000)
    return message


async def test_at_the_plc_each_role_does_its_part_and_no_more(floor):
    """Above all: neither the bridge nor an onlooker can let a held line run."""
    commit = ua.DataValue(ua.Variant(1, ua.VariantType.UInt32))
    for role, writes, calls in (("bridge", True, False), ("observer", False, False), ("operator", False, True)):
        async with client_of(floor.url, floor.pki["client"], role, f"{role}-pw") as client:
            panel = Panel(client, await client.get_namespace_index(NAMESPACE))
            request = client.get_node(ua.NodeId("VisIf.ReqCmdId", panel.index))
            with contextlib.nullcontext() if writes else pytest.raises(ua.uaerrors.BadUserAccessDenied):
                await request.write_value(commit)
            with contextlib.nullcontext() if calls else pytest.raises(ua.uaerrors.BadUserAccessDenied):
                await panel.press("SetRemotePause", True)
            with pytest.raises(ua.uaerrors.BadUserAccessDenied):
                await client.get_node(ua.NodeId("VisIf.Executed", panel.index)).write_value(commit)


@pytest.mark.parametrize(
    ("pki", "user", "message"),
    [
        ("ours", "nobody", "we log in as 'nobody'"),
        ("unknown to the PLC", "bridge", "does not trust our certificate"),
        ("trusts others", "bridge", "we do not accept the certificate"),
    ],
)
async def test_a_refused_connection_says_who_does_not_trust_whom(floor, tmp_path, pki, user, message):
    ours, theirs = floor.pki["bridge"], floor.strangers["client"]
    folders = {
        "ours": ours,
        "unknown to the PLC": mixed(tmp_path, own=theirs, trusted=ours),
        "trusts others": mixed(tmp_path, own=ours, trusted=theirs),
    }
    address = PlcAddress(LineName("lyon", "smt1"), floor.url, NAMESPACE, user, "bridge-pw", folders[pki])
    with pytest.raises(PlcRefusedError, match=message):
        async with opened(address, timeout_s=5):
            pass


@pytest.mark.parametrize(("named", "message"), [("plc.example", "`plc.certificate_host`"), ("localhost", "")])
async def test_the_certificate_is_checked_for_the_host_that_the_plant_file_names(floor, named, message):
    """Instead of the one that is dialled; there is no switch for none at all."""
    address = PlcAddress(
        LineName("lyon", "smt1"),
        floor.url,
        NAMESPACE,
        "bridge",
        "bridge-pw",
        floor.pki["bridge"],
        certificate_host=named,
    )
    with pytest.raises(PlcRefusedError, match=message) if message else contextlib.nullcontext():
        async with opened(address, timeout_s=20):
            pass


def mixed(folder: Path, own: Path, trusted: Path) -> Path:
    home = folder / own.parent.name
    home.mkdir()
    (home / "own").symlink_to(own / "own")
    for kind in ("trusted", "crl"):
        (home / kind).symlink_to(trusted / kind)
    return home
