"""A network share that hangs takes one thread, and neither name resolution nor the process's end with it (B11)."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from services.contracts.mes import Mes
from services.mes_connector.adapters.b2mml_file import FileDrop, open_b2mml_file
from services.mes_connector.adapters.b2mml_folder import Folder
from services.mes_connector.domain.answer import Outcome

_DIES_WITH_A_SHARE = """
import asyncio, sys, threading
from services.contracts.mes import Mes
from services.mes_connector.adapters.b2mml_file import open_b2mml_file
from services.mes_connector.adapters.b2mml_folder import Folder

Folder.check = lambda self: threading.Event().wait()

async def main():
    drop = open_b2mml_file(Mes(name="drop", adapter="b2mml-file", url=sys.argv[1]), "", 0.05, None)
    print((await drop.probe()).outcome.name)
    await drop.stop()

asyncio.run(main())
"""


class _Counting(ThreadPoolExecutor):
    asked = 0

    def submit(self, *given: Any, **more: Any) -> Future[Any]:
        self.asked += 1
        return super().submit(*given, **more)


@pytest.fixture
def awake(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The share hangs until this is set."""
    awake, check = threading.Event(), Folder.check

    def hang(folder: Folder) -> None:
        awake.wait(10)  # where it holds up the whole loop, the test shall fail and end
        check(folder)

    monkeypatch.setattr(Folder, "check", hang)
    yield awake
    awake.set()


@pytest.fixture
def drop(tmp_path: Path) -> FileDrop:
    for name in ("requests", "sent", "responses"):
        (tmp_path / name).mkdir()
    return open_b2mml_file(Mes(name="drop", adapter="b2mml-file", url=tmp_path.as_uri()), "", 0.05, None)


async def test_while_a_share_hangs_one_thread_waits_for_it_and_everybody_hears_away(
    drop: FileDrop, awake: threading.Event
):
    assert (await drop.probe()).outcome is Outcome.UNKNOWN, "it may still happen"
    before = threading.active_count()
    for _ in range(20):
        answer = await drop.find("k1")
        assert answer.outcome is Outcome.AWAY, "nothing was begun"
        assert "still busy" in answer.reason
    assert threading.active_count() == before

    awake.set()
    async with asyncio.timeout(20):
        while (await drop.probe()).outcome is not Outcome.OPENED:  # noqa: ASYNC110  # a thread comes back
            await asyncio.sleep(0.01)
    assert (await drop.find("k1")).outcome is Outcome.ABSENT


async def test_name_resolution_goes_on(drop: FileDrop, awake: threading.Event):
    asyncio.get_running_loop().set_default_executor(pool := _Counting())
    for _ in range(3):
        await drop.probe()
    assert pool.asked == 0, "the loop's own threads resolve the names of NATS and PostgreSQL"
    awake.set()


def test_the_process_ends(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", _DIES_WITH_A_SHARE, tmp_path.as_uri()],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.stdout, done.returncode) == ("UNKNOWN\n", 0)
