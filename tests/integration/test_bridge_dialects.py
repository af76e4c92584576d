"""PLCs without the handshake block: PackML's method Hold, and a Boolean. Asked once, believed only by their state."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yaml
from asyncua import ua
from jidoka.line.v1 import line_pb2
from line_talk import ask, said
from plant_floor import PLACE, Floor, Panel, at_the_panel, make_settings, running, until

from services.contracts.subjects import LINE_RESUMED, PAUSE_PROGRESSED, PAUSE_SETTLED
from services.opcua_bridge.adapters.plc_tags import Tags
from services.opcua_bridge.domain.line import HELD
from services.opcua_bridge.settings import Settings

CONFIRMED, REJECTED = line_pb2.PAUSE_OUTCOME_CONFIRMED, line_pb2.PAUSE_OUTCOME_REJECTED
BLOCKS = {"packml": "Packml", "tag": "Tag"}


@pytest.fixture(scope="module", params=list(BLOCKS))
def floor(request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    floor = Floor(tmp_path_factory.mktemp("floor"), kind=request.param)
    floor.wait_ready()
    yield floor
    floor.kill()


@pytest.fixture
async def panel(floor: Floor) -> AsyncIterator[Panel]:
    async with at_the_panel(floor) as panel:
        if not await panel.read("Line.Running"):
            await resume(panel, floor)
        yield panel


@pytest.fixture
def settings(floor: Floor, nats_server, tmp_path: Path) -> Settings:
    settings = make_settings(floor, nats_server.url, tmp_path, floor.port)
    plant = yaml.safe_load(settings.plant_file.read_text())
    plant["sites"][0]["lines"] = plant["sites"][0]["lines"][:1]
    plant["sites"][0]["lines"][0]["plc"] |= {"adapter": floor.kind, "security_policy": "Aes256Sha256RsaPss"}
    settings.plant_file.write_text(yaml.safe_dump(plant))
    return settings


async def resume(panel: Panel, floor: Floor) -> None:
    await panel.until(f"{BLOCKS[floor.kind]}.StateCurrent", HELD)
    await panel.press("Resume")
    await panel.until("Line.Running", True)


async def test_a_pause_is_confirmed_by_the_state_and_a_held_line_is_not_asked_again(bus, panel, settings, floor):
    async with running(settings):
        await ask(bus)
        [receipt] = await said(bus, PAUSE_SETTLED, PLACE, 1)
        assert await panel.read(f"{BLOCKS[floor.kind]}.StateCurrent") == HELD
        if floor.kind == "tag":
            assert await panel.read("Tag.PauseRequest") is False, "the request is taken back when the machine holds"
        await resume(panel, floor)
        [resumed] = await said(bus, LINE_RESUMED, PLACE, 1)
        for request in ("r2", "r3"):
            await ask(bus, request)
        _, again, held_already = await said(bus, PAUSE_SETTLED, PLACE, 3)

    assert (receipt.outcome, receipt.attempts, receipt.packml_state) == (CONFIRMED, 1, HELD)
    assert resumed.episode_id == receipt.episode_id
    assert (again.outcome, again.attempts) == (CONFIRMED, 1)
    assert (held_already.outcome, held_already.attempts) == (CONFIRMED, 0), "it is not asked, and counts as held"


async def test_an_answer_that_got_lost_is_settled_by_reading_back(bus, panel, settings, monkeypatch):
    calls = 0

    def losing(act, asks):
        async def lose(self, *given) -> None:
            nonlocal calls
            await act(self, *given)
            if asks(*given):
                calls += 1
                raise TimeoutError

        return lose

    monkeypatch.setattr(Tags, "call", losing(Tags.call, lambda *_: True))
    monkeypatch.setattr(Tags, "write", losing(Tags.write, lambda values: values.get("PauseRequest") is True))
    async with running(settings):
        await ask(bus)
        [receipt] = await said(bus, PAUSE_SETTLED, PLACE, 1)

    assert (receipt.outcome, receipt.attempts, calls) == (CONFIRMED, 1, 1)


async def test_what_the_machine_did_not_begin_in_time_is_never_done_late(bus, panel, settings, floor):
    """Its program stands still; when it runs again, the request is over."""
    async with at_the_panel(floor, "tester") as tester, running(settings.model_copy(update={"dead_after_s": 30.0})):
        await ask(bus, "warm-up")
        await said(bus, PAUSE_SETTLED, PLACE, 1)
        await resume(panel, floor)
        await tester.switch("Freeze" if floor.kind == "tag" else "Reject", ua.Variant(True, ua.VariantType.Boolean))
        await asyncio.sleep(0.1)  # the program reads its switches once in a scan
        await ask(bus, "late", ttl_s=1.5)
        _, receipt = await said(bus, PAUSE_SETTLED, PLACE, 2)
        for switch in ("Freeze", "Reject"):
            await tester.switch(switch, ua.Variant(False, ua.VariantType.Boolean))
        beat = await panel.read(f"{BLOCKS[floor.kind]}.HbPlc")

        async def scans_again() -> bool:
            return await panel.read(f"{BLOCKS[floor.kind]}.HbPlc") >= beat + 2

        await until(scans_again)
        told = [fact.state for fact in await said(bus, PAUSE_PROGRESSED, PLACE, 5)]

    wanted = line_pb2.PAUSE_OUTCOME_ACK_TIMEOUT if floor.kind == "tag" else REJECTED
    assert (receipt.outcome, receipt.attempts) == (wanted, 1)
    name = line_pb2.PauseOutcome.Name(wanted).removeprefix("PAUSE_OUTCOME_")
    assert told[3:] == [line_pb2.PAUSE_STATE_SENT, line_pb2.PauseState.Value(f"PAUSE_STATE_{name}")]
    assert await panel.read("Line.Running")
