"""Two bridges, one duty: whichever dies or sleeps, a request has one effect and one receipt."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from line_talk import ask, said
from plant_floor import ABSENT, PLACE, Floor, Panel, at_the_panel, make_settings, running, spawned, until
from servers import wait_for_port

from services.chassis.bus import Bus
from services.contracts.subjects import ALARM_CHANGED, PAUSE_PROGRESSED, PAUSE_SETTLED, PLC_CLAIMED, SERVICES
from services.opcua_bridge.adapters.last_words import last_said
from services.opcua_bridge.adapters.wire import whole
from services.opcua_bridge.domain.line import LineName
from services.opcua_bridge.domain.numbering import epoch_of, number_of
from services.opcua_bridge.settings import Settings
from tools.plant import leash
from tools.plant.broker import ADMIN, nats_config
from tools.plant.provision import provision
from tools.ports import free_port

LINE = LineName(PLACE.site, PLACE.line)


@pytest.fixture
async def panel(floor: Floor) -> AsyncIterator[Panel]:
    async with at_the_panel(floor) as panel:
        if not await panel.read("Line.Running"):
            await panel.resume()
        yield panel


class Bridges:
    """Bridge processes of one plant; the first one that is started gets the duty."""

    def __init__(self, floor: Floor, nats_url: str, folder: Path) -> None:
        self.settings = make_settings(floor, nats_url, folder, floor.port)
        self.processes: list[subprocess.Popen] = []

    async def start(self) -> subprocess.Popen:
        """A further bridge that follows the broker."""
        health = f"127.0.0.1:{free_port()}"
        own = {"scada_url": f"opc.tcp://127.0.0.1:{free_port()}/jidoka", "health_address": health}
        self.processes.append(spawned(Settings(**self.settings.model_dump(exclude_unset=True) | own)))

        async def ready() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return (await client.get(f"http://{health}/readyz")).status_code == httpx.codes.OK
            return False

        async with httpx.AsyncClient() as client:
            await until(ready, 120)
        return self.processes[-1]

    def kill(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


@pytest.fixture
def bridges(floor: Floor, nats_server, tmp_path: Path) -> Iterator[Bridges]:
    bridges = Bridges(floor, nats_server.url, tmp_path)
    yield bridges
    bridges.kill()


async def commander(bus: Bus) -> int:
    """The process that has claimed the PLC last; 0: none yet."""
    claim, _ = await last_said(bus, PLC_CLAIMED, whole(LINE))
    return int(claim.bridge.rpartition(":")[2]) if claim else 0


async def until_commanded_by(bus: Bus, process: subprocess.Popen) -> None:
    async def is_it() -> bool:
        return await commander(bus) == process.pid

    await until(is_it, 120)


async def test_a_bridge_killed_in_mid_handshake_is_replaced_and_the_line_was_stopped_once(bus, panel, bridges):
    executed = await panel.read("VisIf.Executed")
    first = await bridges.start()
    await until_commanded_by(bus, first)
    second = await bridges.start()
    answered = asyncio.create_task(panel.until_acknowledged())
    await ask(bus, ttl_s=30)
    await answered
    command = await panel.read("VisIf.AckCmdId")
    first.kill()
    await until_commanded_by(bus, second)
    [receipt] = await said(bus, PAUSE_SETTLED, PLACE, 1)

    assert (receipt.outcome, receipt.attempts, receipt.bridge) == (1, 0, f"{receipt.bridge.split(':')[0]}:{second.pid}")
    assert number_of(receipt.command_id) == number_of(command)
    assert epoch_of(receipt.command_id) != epoch_of(command)
    assert await panel.read("VisIf.Executed") == executed + 1
    states = [fact.state for fact in await said(bus, PAUSE_PROGRESSED, PLACE, 3)]
    assert states == [1, 2, 3], "each transition is told once, whoever lives to tell it"


async def test_a_bridge_that_slept_through_the_end_of_its_duty_moves_nothing_when_it_wakes(bus, panel, bridges):
    executed = await panel.read("VisIf.Executed")
    first = await bridges.start()
    await until_commanded_by(bus, first)
    second = await bridges.start()
    os.kill(first.pid, signal.SIGSTOP)
    await ask(bus, ttl_s=30)
    await until_commanded_by(bus, second)
    [receipt] = await said(bus, PAUSE_SETTLED, PLACE, 1)
    assert receipt.outcome == 1
    await panel.resume()
    os.kill(first.pid, signal.SIGCONT)
    await ask(bus, "r2", ttl_s=30)
    _, again = await said(bus, PAUSE_SETTLED, PLACE, 2)

    assert again.outcome == 1
    assert again.bridge.endswith(f":{second.pid}")
    assert await panel.read("VisIf.Executed") == executed + 2
    assert await commander(bus) == second.pid


def started(config: Path, log: Path) -> subprocess.Popen:
    return leash.popen(["nats-server", "-c", str(config), "-l", str(log)])


async def test_a_bridge_with_the_rights_of_the_subject_table_and_no_more_can_do_its_work(floor, panel, tmp_path):
    port, config = free_port(), tmp_path / "nats.conf"
    config.write_text(nats_config(f"127.0.0.1:{port}", tmp_path / "js", dict.fromkeys((ADMIN, *SERVICES), "bridge-pw")))
    broker = started(config, tmp_path / "nats.log")
    try:
        wait_for_port(port)
        admin = Bus(f"nats://127.0.0.1:{port}", ADMIN, "bridge-pw")
        await admin.start()
        await provision(admin)
        settings = make_settings(floor, f"nats://127.0.0.1:{port}", tmp_path, floor.port)
        async with running(settings.model_copy(update={"comms_alarm_after_s": 0.2})):
            await ask(admin)
            [receipt] = await said(admin, PAUSE_SETTLED, PLACE, 1)
            await said(admin, PAUSE_PROGRESSED, PLACE, 3)
            [absent] = await said(admin, ALARM_CHANGED, whole(LineName(ABSENT.site, ABSENT.line)), 1)
        await admin.stop()
    finally:
        broker.kill()
        broker.wait()

    assert (receipt.outcome, absent.active) == (1, True)
    assert "is not listening" in absent.detail
    assert "Permissions Violation" not in (tmp_path / "nats.log").read_text()
