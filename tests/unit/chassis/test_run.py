"""A service starts in order, stops in reverse, within its deadline, and never limps on without a part."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from services.chassis import run as chassis
from services.chassis.errors import Invalid
from services.chassis.run import Service, cancel, serve
from services.chassis.settings import ChassisSettings, read_secret


class Component:
    def __init__(self, name: str, log: list[str], stop_s: float = 0.0) -> None:
        self.name, self.log, self.stop_s = name, log, stop_s

    async def start(self) -> None:
        self.log.append(f"start {self.name}")

    async def stop(self) -> None:
        await asyncio.sleep(self.stop_s)
        self.log.append(f"stop {self.name}")


class Probes(Component):
    """In the place of the probes' server."""

    draining = False

    def __init__(self, *_: object) -> None:
        super().__init__("health", [])
        Probes.draining = False

    def drain(self) -> None:
        Probes.draining = True


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(chassis, "Health", Probes)
    return ChassisSettings(plant_file=tmp_path, drain_s=0.3)


async def test_components_start_in_order_and_stop_in_reverse(settings):
    log: list[str] = []
    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
    await serve("test", settings, Service([Component("bus", log), Component("server", log)]))

    assert log == ["start bus", "start server", "stop server", "stop bus"]


async def test_it_is_not_ready_from_the_moment_on_that_draining_begins(settings):
    seen: list[bool] = []

    class Server(Component):
        async def stop(self) -> None:
            seen.append(Probes.draining)

    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
    await serve("test", settings, Service([Server("server", [])]))

    assert seen == [True]


async def test_a_stop_that_hangs_is_cut_off_at_the_deadline(settings):
    log: list[str] = []
    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
    await serve("test", settings, Service([Component("slow", log, stop_s=3600)]))

    assert log == ["start slow"]


async def test_a_cancellation_that_was_swallowed_is_repeated():
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed > 1:
                    raise

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await asyncio.wait_for(cancel(task), 5)

    assert task.cancelled()


def process(body: str, **env: str) -> subprocess.CompletedProcess[str]:
    head = """
        import asyncio
        from services.chassis.run import Service, run, spawn
        from services.chassis.settings import ChassisSettings
    """
    code = textwrap.dedent(head) + textwrap.dedent(body)
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_background_task_that_dies_stops_the_service_with_exit_code_1():
    result = process(
        """
        class Doomed:
            async def start(self):
                async def die(): raise RuntimeError("boom")
                spawn(die(), "doomed")
            async def stop(self): ...
        run("test", ChassisSettings, lambda settings: Service([Doomed()]))
        """,
        PLANT_FILE="x",
    )

    assert result.returncode == 1
    assert "background task doomed died" in result.stderr


def test_a_service_refuses_to_start_on_wrong_settings_and_says_which():
    result = process("run('test', ChassisSettings, lambda settings: Service([]))", PLANT_FILE="x", DRAIN_S="-1")

    assert result.returncode == 2
    assert "drain_s" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_service_that_finds_no_room_refuses_to_start_in_one_sentence():
    result = process(
        """
        def full(settings): raise OSError(28, "No space left on device", "/dev/shm/region")
        run('test', ChassisSettings, full)
        """,
        PLANT_FILE="x",
    )

    assert result.returncode == 2
    assert "test refuses to start: [Errno 28] No space left on device: '/dev/shm/region'" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_secret_is_read_without_its_newline_and_a_missing_one_names_file_and_fix(tmp_path):
    (tmp_path / "secret").write_text("s3cret\n")

    assert read_secret(tmp_path / "secret", "nats password") == "s3cret"
    with pytest.raises(Invalid, match="cannot read") as missing:
        read_secret(tmp_path / "none", "nats password")
    with pytest.raises(Invalid, match="no file is configured"):
        read_secret(None, "nats password")
    assert missing.value.field == "nats password"
