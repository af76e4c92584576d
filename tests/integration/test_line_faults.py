"""The eight ways in which a pause goes wrong between bridge and PLC: never late, never twice.

And what the PLC does by itself when nobody watches.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from asyncua import ua
from jidoka.line.v1 import line_pb2
from line_talk import ask, said
from plant_floor import PLACE, Floor, Panel, at_the_panel, make_settings, running, until

from services.chassis.bus import Bus
from services.contracts.subjects import PAUSE_SETTLED
from services.opcua_bridge.adapters.plc_tags import Tags
from services.opcua_bridge.adapters.plc_visif import HOLD, VisIf
from services.opcua_bridge.domain.line import HELD
from services.opcua_bridge.domain.numbering import epoch_of
from services.opcua_bridge.settings import Settings
from tools.chaos.wire import Wire

OUTCOMES = line_pb2.PauseOutcome
UNKNOWN = ("PAUSE_OUTCOME_LINK_DOWN", "PAUSE_OUTCOME_ACK_TIMEOUT")


@dataclass
class Line:
    """A running bridge whose only way to the PLC is the wire; the panel and the tester stand beside it."""

    bus: Bus
    wire: Wire
    panel: Panel
    tester: Panel
    before: int = 0
    """What the PLC had executed."""

    async def receipt(self) -> tuple[str, int]:
        [receipt] = await said(self.bus, PAUSE_SETTLED, PLACE, 1, deadline_s=60)
        return OUTCOMES.Name(receipt.outcome), receipt.attempts

    async def executed(self) -> int:
        return await self.panel.read("VisIf.Executed") - self.before

    async def claimed_after(self, epoch: int) -> None:
        """Until another session has claimed the PLC than that of an epoch."""

        async def claimed() -> bool:
            return await self.epoch() not in (0, epoch)

        await until(claimed, 40)

    async def heard_again(self) -> None:
        """Until whatever stuck in the wire has arrived at the PLC: the heartbeat has, which was written behind it."""
        for _ in range(2):
            beat = await self.panel.read("VisIf.HbVis")

            async def beaten(last: int = beat) -> bool:
                return await self.panel.read("VisIf.HbVis") != last

            await until(beaten, 40)
        await self.panel.until("VisIf.LinkAlarm", False)

    async def epoch(self) -> int:
        return epoch_of(await self.panel.read("VisIf.AckCmdId"))


@contextlib.asynccontextmanager
async def standing(floor: Floor, bus: Bus, settings: Settings, wire: Wire) -> AsyncIterator[Line]:
    async with at_the_panel(floor) as panel, at_the_panel(floor, "tester") as tester:
        await panel.press("SetRemotePause", True)
        line = Line(bus, wire, panel, tester)
        before = await line.epoch()
        async with running(settings):
            await line.claimed_after(before)
            if not await panel.read("Line.Running"):  # only now: until then the last test's policy was in force
                await panel.resume()
            line.before = await panel.read("VisIf.Executed")
            yield line


@pytest.fixture
async def line(floor: Floor, bus: Bus, nats_server, tmp_path: Path) -> AsyncIterator[Line]:
    async with Wire(floor.port) as wire:
        settings = make_settings(floor, nats_server.url, tmp_path, wire.port)
        async with standing(floor, bus, settings, wire) as line:
            yield line


async def test_1_a_pause_is_confirmed_and_executed_once(line):
    await ask(line.bus)
    assert await line.receipt() == ("PAUSE_OUTCOME_CONFIRMED", 1)
    assert (await line.executed(), await line.panel.read("VisIf.StateCurrent")) == (1, HELD)


async def test_2_a_command_that_is_written_twice_is_executed_once_also_after_a_resume(line, monkeypatch):
    hold, said_again = VisIf.hold, asyncio.Event()

    async def twice(self, tags, command) -> None:
        await hold(self, tags, command)
        await line.panel.resume()
        await hold(self, tags, command)
        said_again.set()

    monkeypatch.setattr(VisIf, "hold", twice)
    await ask(line.bus, ttl_s=20)
    await asyncio.wait_for(said_again.wait(), 20)
    assert (await line.receipt())[0] == "PAUSE_OUTCOME_CONFIRMED"
    assert await line.executed() == 1
    assert await line.panel.read("Line.Running")


async def test_3_a_pause_that_the_operator_forbids_is_refused_and_moves_nothing(line):
    await line.panel.press("SetRemotePause", False)
    await line.panel.until("VisIf.RemotePauseEnabled", False)
    await ask(line.bus)
    assert await line.receipt() == ("PAUSE_OUTCOME_REJECTED", 1)
    assert (await line.executed(), await line.panel.read("Line.Running")) == (0, True)


async def test_4_a_connection_that_was_reset_is_made_anew_and_the_pause_executed_once(line):
    line.wire.cut()
    await ask(line.bus, ttl_s=20)
    assert (await line.receipt())[0] == "PAUSE_OUTCOME_CONFIRMED"
    assert await line.executed() == 1


async def test_5_a_wire_that_is_mute_for_2_s_delays_the_pause_and_does_not_repeat_it(line):
    line.wire.open.clear()
    await ask(line.bus, ttl_s=20)
    await asyncio.sleep(2.0)
    assert await line.executed() == 0
    line.wire.open.set()
    assert (await line.receipt())[0] == "PAUSE_OUTCOME_CONFIRMED"
    assert await line.executed() == 1


async def test_6_what_stuck_in_a_mute_wire_until_it_expired_is_not_executed_when_the_wire_speaks_again(line):
    line.wire.open.clear()
    await ask(line.bus, ttl_s=2)
    assert (await line.receipt())[0] in UNKNOWN
    await line.panel.until("VisIf.LinkAlarm", True)
    line.wire.open.set()
    await line.heard_again()
    assert (await line.executed(), await line.panel.read("Line.Running")) == (0, True)


async def test_7_a_power_cut_in_the_middle_of_a_command_costs_neither_the_pause_nor_a_second_one(line, floor):
    await line.tester.switch("Freeze", ua.Variant(True, ua.VariantType.Boolean))
    await ask(line.bus, ttl_s=40)
    await line.panel.until("VisIf.ReqCmd", HOLD)  # written, and nobody there to execute it
    await line.tester.restart(0.3)
    assert (await line.receipt())[0] == "PAUSE_OUTCOME_CONFIRMED"
    async with at_the_panel(floor) as panel:
        assert await panel.read("VisIf.Executed") - line.before == 1


async def test_8_a_wire_that_freezes_between_payload_and_commit_lets_nothing_through_late(line, monkeypatch):
    write = Tags.write

    async def freeze_behind_payload(self, values) -> None:
        await write(self, values)
        if values.get("ReqCmd") == HOLD:
            line.wire.open.clear()

    monkeypatch.setattr(Tags, "write", freeze_behind_payload)
    await ask(line.bus, ttl_s=1.5)
    assert (await line.receipt())[0] in UNKNOWN
    assert await line.panel.read("VisIf.ReqCmd") == HOLD  # the payload had arrived
    monkeypatch.undo()
    line.wire.open.set()
    await line.heard_again()
    assert (await line.executed(), await line.panel.read("Line.Running")) == (0, True)


@pytest.mark.parametrize("policy", ["hold", "divert"])
async def test_a_plc_that_nobody_watches_does_what_the_plant_file_says(floor, bus, nats_server, tmp_path, policy):
    async with Wire(floor.port) as wire:
        settings = make_settings(floor, nats_server.url, tmp_path, wire.port)
        plant = yaml.safe_load(settings.plant_file.read_text())
        plant["sites"][0]["lines"][0]["plc"] |= {"on_link_loss": policy, "link_dead_s": 1.5}
        settings.plant_file.write_text(yaml.safe_dump(plant))
        async with standing(floor, bus, settings, wire) as line:
            holds = await line.panel.read("VisIf.WatchdogHolds")
            wire.open.clear()
            await line.panel.until("VisIf.LinkAlarm", True)
            await line.panel.until("Line.Diverting", policy == "divert")
            await line.panel.until("VisIf.StateCurrent", HELD if policy == "hold" else 6)
            wire.cut()
            wire.open.set()
            await line.heard_again()
            assert not await line.panel.read("Line.Diverting")
            held = await line.panel.read("VisIf.WatchdogHolds") - holds
            assert (held, await line.executed()) == (int(policy == "hold"), 0)
            assert await line.panel.read("Line.Running") == (policy == "divert")  # its return resumes nothing
