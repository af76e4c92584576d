"""The plant without the services: what the supervisor promises does not depend on what it supervises."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import nats
import psutil
import pytest
from nats.js.errors import APIError
from typer.testing import CliRunner

from services.chassis.bus import Bus
from services.chassis.errors import Unavailable
from services.chassis.streams import Consumer, Route
from services.contracts.plant import Place, load
from services.contracts.subjects import PAUSE_REQUESTED, STREAMS, VERDICT_REACHED, inbox_of
from tools.plant import control, leftovers
from tools.plant.cli import app
from tools.plant.keeper import Keeper
from tools.plant.logs import LOG_BYTES, log_file
from tools.plant.spec import Part
from tools.plant.state import REPOSITORY, PlantState, Start

PLANT = REPOSITORY / "deploy" / "plants" / "demo.yaml"
ONLY = ("redis", "streams", "traces")
PLACE = Place("lyon", "smt1", "aoi1")


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlantState]:
    """For tests that leave it as healthy as they found it."""
    root = tmp_path_factory.mktemp("shared") / "plant"
    yield control.ensure_up(root, PLANT, ONLY, leashed=True)
    control.bring_down(root)


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[PlantState]:
    """For tests that end its supervisor."""
    yield control.ensure_up(tmp_path / "plant", PLANT, ONLY, leashed=True)
    control.bring_down(tmp_path / "plant")


def until(condition, deadline_s: float = 60.0) -> None:
    ends = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.02)


def now(plant: PlantState) -> PlantState:
    state = control.read_state(plant.root)
    assert state is not None
    return state


def bus_of(plant: PlantState, service: str, secret_of: str = "") -> Bus:
    password = plant.secret(f"{secret_of or service}.nats-password")
    return Bus(plant.url("nats"), service, password, inbox_of(service))


async def test_up_means_that_every_part_answers_and_the_streams_are_there(plant: PlantState):
    assert await control.probe(plant) == {"nats": True, "redis": True, "traces": True, "streams": True}

    admin = Bus(plant.url("nats"), "admin", plant.secret("admin.nats-password"))
    await admin.start()
    assert {info.config.name for info in await admin.jetstream.streams_info()} >= {stream.name for stream in STREAMS}
    await admin.stop()


def test_what_is_killed_comes_back_at_the_same_place_and_is_counted(plant: PlantState):
    killed, nats_pid = now(plant).parts["redis"].pid, now(plant).parts["nats"].pid
    os.kill(killed, signal.SIGKILL)
    until(lambda: now(plant).parts["redis"].restarts == 1 and now(plant).parts["redis"].phase == "healthy")

    assert now(plant).parts["redis"].pid != killed
    assert now(plant).url("redis") == plant.url("redis")
    assert asyncio.run(control.probe(now(plant)))["redis"]
    assert now(plant).parts["nats"].pid == nats_pid


def test_a_second_up_starts_nothing_and_shows_what_runs(plant: PlantState):
    before = {name: part.pid for name, part in now(plant).parts.items()}
    result = CliRunner().invoke(app, ["up", "--state", str(plant.root)], env={"COLUMNS": "200"})

    assert result.exit_code == 0
    assert "runs already" in result.output
    assert str(before["nats"]) in result.output
    assert {name: part.pid for name, part in now(plant).parts.items()} == before


def test_a_supervisor_killed_with_9_orphans_nothing_and_the_next_up_uses_the_same_ports(mortal: PlantState):
    pids = [part.pid for part in mortal.parts.values() if part.pid]
    assert {process.pid for process in leftovers.living(mortal.root)} >= set(pids)  # control: the search finds them
    os.kill(mortal.pid, signal.SIGKILL)
    until(lambda: not leftovers.living(mortal.root))
    assert not now(mortal).running()

    again = control.ensure_up(mortal.root, PLANT, ONLY, leashed=True)

    assert again.ports == mortal.ports
    assert again.pid != mortal.pid


async def test_a_watched_plant_comes_back_by_itself(mortal: PlantState):
    watching = asyncio.create_task(control.watch(mortal.root, PLANT, ONLY, leashed=True))
    os.kill(mortal.pid, signal.SIGKILL)
    await asyncio.to_thread(until, lambda: now(mortal).pid != mortal.pid and now(mortal).phase == "up", 30)
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    assert all((await control.probe(now(mortal))).values())


def test_two_ups_at_the_same_time_make_one_plant(tmp_path: Path):
    with ThreadPoolExecutor(2) as both:
        one, other = both.map(
            lambda _: control.ensure_up(tmp_path / "plant", PLANT, ("redis",), leashed=True), range(2)
        )
    control.bring_down(tmp_path / "plant")

    assert one.pid == other.pid
    assert one.parts["redis"].pid == other.parts["redis"].pid


def test_status_is_a_success_only_while_all_is_healthy_and_down_leaves_nothing(mortal: PlantState):
    runner = CliRunner()
    state = ["--state", str(mortal.root)]
    assert runner.invoke(app, ["status", *state]).exit_code == 0
    os.kill(mortal.parts["traces"].pid, signal.SIGSTOP)  # alive for the kernel, dead for its users
    stopped = runner.invoke(app, ["status", *state])
    os.kill(mortal.parts["traces"].pid, signal.SIGCONT)
    assert stopped.exit_code == 1
    assert "unready" in stopped.output
    assert runner.invoke(app, ["down", *state]).exit_code == 0

    assert not leftovers.living(mortal.root)
    assert not psutil.pid_exists(mortal.parts["nats"].pid)
    assert now(mortal).phase == "down"
    assert runner.invoke(app, ["status", *state]).exit_code == 1


def test_a_plant_file_with_a_mistake_stops_the_start_and_is_named(tmp_path: Path):
    broken = tmp_path / "broken.yaml"
    broken.write_text(PLANT.read_text().replace("recipes: [pcb]", "recipes: [pbc]"))

    with pytest.raises(control.PlantFailed, match=r"broken\.yaml.*'pbc'"):
        control.ensure_up(tmp_path / "plant", broken, ONLY, leashed=True)
    assert not leftovers.living(tmp_path / "plant")


def test_a_part_that_cannot_start_fails_the_plant_and_names_its_log(mortal: PlantState, tmp_path: Path):
    control.bring_down(mortal.root)
    (mortal.root / "traces.db").write_bytes(b"this is no database" * 1000)

    with pytest.raises(control.PlantFailed, match=r"traces died 3 times .*traces\.log"):
        control.ensure_up(mortal.root, PLANT, ONLY, leashed=True)
    assert not leftovers.living(mortal.root)


def test_the_log_of_a_part_that_lives_is_bounded(mortal: PlantState):
    """20 kB/s of refused frames are 1.7 GB a day, and a log was set aside only when its part started (R8)."""
    log = log_file(mortal.root, "redis")
    with log.open("ab") as chatty:
        chatty.write(b"x" * (LOG_BYTES + 1))
    until(lambda: log.stat().st_size == 0, 60)

    assert log.with_suffix(".log.1").stat().st_size == LOG_BYTES
    assert now(mortal).parts["redis"].restarts == 0


def test_a_stranger_on_our_port_is_named_and_other_ports_help(mortal: PlantState):
    control.bring_down(mortal.root)
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", mortal.ports["redis"]))
        stranger.listen()
        taken = rf"redis: port {mortal.ports['redis']} is taken by PID {os.getpid()} .*jidoka up --new-ports"
        with pytest.raises(control.PlantFailed, match=taken):
            control.ensure_up(mortal.root, PLANT, ONLY, leashed=True)
        again = control.ensure_up(mortal.root, PLANT, ONLY, leashed=True, start=Start(new_ports=True))

    assert again.ports["redis"] != mortal.ports["redis"]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    nowhere = tmp_path / "file" / "plant"
    result = CliRunner().invoke(app, ["up", "--state", str(nowhere)], env={"COLUMNS": "200"})

    assert result.exit_code == 1
    assert f"cannot write {nowhere}" in result.output
    assert "use --state DIR" in result.output


def test_the_folder_may_stand_in_the_environment(plant: PlantState):
    result = CliRunner().invoke(app, ["status"], env={"COLUMNS": "200", "JIDOKA_STATE": str(plant.root)})

    assert result.exit_code == 0


def test_a_disk_without_room_is_named_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=1 << 40, used=1 << 40, free=1 << 20))

    with pytest.raises(control.PlantFailed, match=r"1 MiB free .*use --state DIR"):
        control.ensure_up(tmp_path / "plant", PLANT, ONLY, leashed=True)


def test_a_start_ends_when_nothing_goes_on_and_says_how_to_give_it_longer(tmp_path: Path):
    """Not after so many seconds altogether: a slow machine needs them."""
    with pytest.raises(control.PlantFailed, match=r"nothing has become healthy for 0 s.*jidoka up --start-limit"):
        control.ensure_up(tmp_path / "plant", PLANT, ONLY, leashed=True, start=Start(limit_s=0.01))


def test_why_a_supervisor_died_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(control, "_SUPERVISOR", "tools.plant.no_such_module")

    with pytest.raises(control.PlantFailed, match=r"ended with code 1: .*no_such_module.*plant\.log"):
        control.ensure_up(tmp_path / "plant", PLANT, ONLY, leashed=True)


async def test_a_stubborn_part_is_stopped_with_the_children_that_it_hid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tools.plant.keeper._STOP_S", 0.2)
    hide = "subprocess.Popen(['sleep', '60'], start_new_session=True)"
    script = f"import signal, subprocess, time; signal.signal(15, signal.SIG_IGN); {hide}; time.sleep(60)"
    keeper = Keeper(Part("stubborn", (sys.executable, "-c", script), "tcp://127.0.0.1:1"), tmp_path, lambda: None)
    keeping = asyncio.create_task(keeper.keep())
    await asyncio.to_thread(until, lambda: len(leftovers.living(tmp_path)) == 2)
    keeping.cancel()

    await keeper.stop()

    assert leftovers.living(tmp_path) == []
    assert keeper.state.phase == "stopped"


async def test_the_leash_takes_a_child_when_its_parent_is_killed(tmp_path: Path):
    leash = REPOSITORY / "tools" / "plant" / "leash.py"
    sleep = (
        f"import os, subprocess; subprocess.run([{sys.executable!r}, {str(leash)!r}, str(os.getpid()), 'sleep', '60'])"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", sleep)
    found = psutil.Process(parent.pid).children
    await asyncio.to_thread(until, lambda: [child.name() for child in found()] == ["sleep"])
    children = found()
    parent.kill()
    await parent.wait()
    assert psutil.wait_procs(children, timeout=5)[1] == []


async def test_a_service_may_say_its_own_facts_and_nobody_elses(plant: PlantState):
    bridge, judge = bus_of(plant, "opcua-bridge"), bus_of(plant, "postprocessing")
    await bridge.start()
    await judge.start()

    assert (await judge.publish(VERDICT_REACHED.at(PLACE), b"", "v1")).sequence == 1
    with pytest.raises(Unavailable):
        await bridge.publish(VERDICT_REACHED.at(PLACE), b"", "v2", deadline_s=0.5)

    await bridge.stop()
    await judge.stop()


async def test_a_service_hears_what_it_listens_to_and_nothing_beside_it(plant: PlantState):
    heard = asyncio.Event()

    async def handler(message, delivery) -> None:
        heard.set()

    bridge, judge = bus_of(plant, "opcua-bridge"), bus_of(plant, "postprocessing")
    await bridge.start()
    await judge.start()
    consumer = Consumer(bridge, "LINE", [Route(PAUSE_REQUESTED.everywhere, PAUSE_REQUESTED.message, handler)])
    await consumer.start()
    await judge.publish(PAUSE_REQUESTED.at(PLACE), b"", "p1")
    async with asyncio.timeout(10):
        await heard.wait()
    await consumer.stop()

    with pytest.raises((APIError, TimeoutError, nats.errors.Error)):
        await asyncio.wait_for(bridge.jetstream.get_msg("WORKREQUEST", 1), 1.0)
    await bridge.stop()
    await judge.stop()


async def test_a_wrong_password_opens_nothing(plant: PlantState):
    bus = bus_of(plant, "gateway", secret_of="preprocessing")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bus.start(), 1.0)


def test_load_accepts_the_effective_plant_file_with_the_ports_in_it(plant: PlantState):
    effective = load(plant.plant_file)

    assert effective.sites[0].lines[0].plc.url == f"opc.tcp://127.0.0.1:{plant.ports['plc-lyon-smt1']}/plc"
    assert effective.mes.url == f"http://127.0.0.1:{plant.ports['mes']}/workrequests"
