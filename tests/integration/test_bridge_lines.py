"""Several PLCs at one bridge: pause groups, one that is frozen, one that is lost, and what is told about it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yaml
from jidoka.line.v1 import line_pb2
from line_talk import ask, said
from plant_floor import ABSENT, PLACE, Floor, Panel, Wire, at_the_panel, make_settings, running

from services.contracts.plant import Place
from services.contracts.subjects import ALARM_CHANGED, LINE_RESUMED, LINE_STATE_CHANGED, PAUSE_PROGRESSED, PAUSE_SETTLED
from services.opcua_bridge.domain.line import HELD
from services.opcua_bridge.settings import Settings

CONFIRMED, EXPIRED = line_pb2.PAUSE_OUTCOME_CONFIRMED, line_pb2.PAUSE_OUTCOME_EXPIRED
SENT, ACKED = line_pb2.PAUSE_STATE_SENT, line_pb2.PAUSE_STATE_ACKED
FIRST, SECOND = PLACE, ABSENT
ALARMS = Place(PLACE.site, PLACE.line, "all")


class Neighbour(Floor):
    """A second PLC in the same plant: the same certificates and accounts, its own memory."""

    def __init__(self, floor: Floor, folder: Path) -> None:
        self._floor = floor
        super().__init__(folder)

    def __post_init__(self) -> None:
        self.pki, self.users = self._floor.pki, self._floor.users
        self.start()


@pytest.fixture(scope="module")
def floors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Floor, Floor]]:
    first = Floor(tmp_path_factory.mktemp("floor"))
    second = Neighbour(first, tmp_path_factory.mktemp("neighbour"))
    for floor in (first, second):
        floor.wait_ready()
    yield first, second
    for floor in (first, second):
        floor.kill()


@pytest.fixture
async def panels(floors: tuple[Floor, Floor]) -> AsyncIterator[tuple[Panel, Panel]]:
    async with at_the_panel(floors[0]) as first, at_the_panel(floors[1]) as second:
        for panel in (first, second):
            if not await panel.read("Line.Running"):
                await panel.resume()
        yield first, second


def settings_for(floors: tuple[Floor, Floor], nats_url: str, folder: Path, first_port: int = 0, **plc) -> Settings:
    """Two lines, each with its PLC; `plc` is told of both in the plant file."""
    settings = make_settings(floors[0], nats_url, folder, first_port or floors[0].port)
    plant = yaml.safe_load(settings.plant_file.read_text())
    first, second = plant["sites"][0]["lines"]
    second["plc"]["url"] = floors[1].url
    for line in (first, second):
        line["plc"] |= plc
    settings.plant_file.write_text(yaml.safe_dump(plant))
    return settings


async def test_a_pause_of_one_line_holds_its_group_each_with_its_own_handshake_and_receipt(
    bus, panels, floors, nats_server, tmp_path
):
    async with running(settings_for(floors, nats_server.url, tmp_path, pause_group="cell")):
        await ask(bus)
        [own] = await said(bus, PAUSE_SETTLED, FIRST, 1)
        [others] = await said(bus, PAUSE_SETTLED, SECOND, 1)
        for panel in panels:
            assert await panel.read("VisIf.StateCurrent") == HELD
        await panels[1].resume()
        [resumed] = await said(bus, LINE_RESUMED, SECOND, 1)
        assert await panels[0].read("VisIf.StateCurrent") == HELD, "each line is resumed at its own machine"

    assert (own.outcome, others.outcome) == (CONFIRMED, CONFIRMED)
    assert (others.asked_by.line, others.request_id) == (FIRST.line, own.request_id)
    assert resumed.episode_id == own.episode_id


async def test_a_line_whose_plc_is_frozen_delays_no_other_and_what_became_pointless_meanwhile_is_not_executed(
    bus, panels, floors, nats_server, tmp_path
):
    executed = await panels[0].read("VisIf.Executed")
    async with Wire(floors[0].port) as wire:
        wire.open.clear()
        async with running(settings_for(floors, nats_server.url, tmp_path, wire.port)):
            for request in ("older", "newer"):
                await ask(bus, request, ttl_s=30, episode=request, rule="same")
            await ask(bus, "elsewhere", SECOND, ttl_s=5)
            [elsewhere] = await said(bus, PAUSE_SETTLED, SECOND, 1)
            await said(bus, PAUSE_SETTLED, FIRST, 1)
            wire.open.set()
            older, newer = await said(bus, PAUSE_SETTLED, FIRST, 2, deadline_s=40)

    assert elsewhere.outcome == CONFIRMED
    assert elsewhere.held_at.ToNanoseconds() - elsewhere.sent_at.ToNanoseconds() < 3e9
    assert (older.outcome, newer.outcome) == (EXPIRED, CONFIRMED)
    assert "the rule has asked again since" in older.detail
    assert await panels[0].read("VisIf.Executed") == executed + 1


async def test_a_lost_plc_is_one_alarm_with_a_reason_and_its_return_is_told_once(
    bus, panels, floors, nats_server, tmp_path
):
    async with Wire(floors[0].port) as wire:
        settings = settings_for(floors, nats_server.url, tmp_path, wire.port, on_link_loss="divert", link_dead_s=2)
        async with running(settings):
            await panels[0].until("VisIf.LinkDeadMs", 2000)
            assert await panels[0].read("VisIf.FailPolicy") == 3
            await said(bus, LINE_STATE_CHANGED, FIRST, 2)  # down at first, then up
            wire.open.clear()
            await panels[0].until("VisIf.LinkAlarm", True)
            [lost] = await said(bus, ALARM_CHANGED, ALARMS, 1)
            assert await panels[0].read("Line.Diverting")
            wire.open.set()
            _, back = await said(bus, ALARM_CHANGED, ALARMS, 2)
            await panels[0].until("VisIf.LinkAlarm", False)

    assert (lost.active, back.active) == (True, False)
    assert lost.since.ToNanoseconds() == back.since.ToNanoseconds()
    assert (lost.alarm_class, bool(lost.detail)) == (line_pb2.ALARM_CLASS_COMMS_LOSS, True)


@pytest.mark.parametrize(
    ("nodes", "user", "sentence"),
    [
        ({"FailPolicy": "VisIf.Nowhere"}, "bridge", "has no node 'VisIf.Nowhere'"),
        ({"LinkDeadMs": "VisIf.ReqText"}, "bridge", "VisIf.ReqText of the PLC"),
        ({"LinkDeadMs": "VisIf.Executed"}, "bridge", "give the bridge's user the right"),
        ({}, "nobody", "'nobody'"),
    ],
    ids=["missing node", "wrong type", "no right to write", "wrong user"],
)
async def test_what_the_controls_engineer_has_to_mend_is_said_in_one_sentence_before_any_pause_is_asked(
    bus, floors, nats_server, tmp_path, nodes, user, sentence, caplog
):
    settings = settings_for(floors, nats_server.url, tmp_path, nodes=nodes)
    async with running(settings.model_copy(update={"plc_user": user, "comms_alarm_after_s": 0.5})):
        [alarm] = await said(bus, ALARM_CHANGED, ALARMS, 1)
        await ask(bus, ttl_s=1)
        [receipt] = await said(bus, PAUSE_SETTLED, FIRST, 1)

    assert sentence in alarm.detail
    assert sentence in receipt.detail
    assert receipt.outcome == line_pb2.PAUSE_OUTCOME_LINK_DOWN
    told = [record for record in caplog.records if "lyon/smt1 is down" in record.getMessage()]
    assert len(told) == 1, "a loss is logged once, not at each attempt"


async def test_after_the_plc_was_away_everything_is_read_again(bus, panels, floors, nats_server, tmp_path):
    """It was held by hand and its permit taken away meanwhile: the next request is refused, with that state on it."""
    async with Wire(floors[0].port) as wire, running(settings_for(floors, nats_server.url, tmp_path, wire.port)):
        await ask(bus)
        [held] = await said(bus, PAUSE_SETTLED, FIRST, 1)
        wire.open.clear()
        await panels[0].until("VisIf.LinkAlarm", True)
        await panels[0].press("SetRemotePause", False)
        await panels[0].resume()
        await said(bus, LINE_RESUMED, FIRST, 0)
        wire.open.set()
        [resumed] = await said(bus, LINE_RESUMED, FIRST, 1)
        await ask(bus, "r2")
        _, refused = await said(bus, PAUSE_SETTLED, FIRST, 2)
        states = [fact.state for fact in await said(bus, PAUSE_PROGRESSED, FIRST, 5)]
        await panels[0].press("SetRemotePause", True)

    assert (held.outcome, resumed.episode_id) == (CONFIRMED, held.episode_id)
    assert refused.outcome == line_pb2.PAUSE_OUTCOME_REJECTED
    assert (refused.acknowledgement_code, refused.packml_state) == (3, 6)
    assert states == [SENT, ACKED, line_pb2.PAUSE_STATE_CONFIRMED, SENT, line_pb2.PAUSE_STATE_REJECTED]
