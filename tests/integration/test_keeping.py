"""A part that lives for the kernel and is dead for its users: hung, or refusing to write after its disk was full."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import pytest
from nats.js.api import StorageType, StreamConfig
from servers import until

from services.contracts.subjects import SERVICES
from tools.plant import keeper as keepers
from tools.plant.broker import ADMIN, nats_config, redis_binary
from tools.plant.keeper import Keeper, Pace
from tools.plant.spec import Part
from tools.ports import free_port

FAST = Pace(every_s=0.1, deadline_s=0.5, misses=3)


@contextlib.asynccontextmanager
async def kept(part: Part, root: Path, phases: list[str] | None = None) -> AsyncIterator[Keeper]:
    """The part, healthy and kept; its phases are written down."""
    seen = [] if phases is None else phases
    keeper = Keeper(part, root, lambda: seen.append(keeper.state.phase))
    keeping = asyncio.create_task(keeper.keep())
    try:
        await asyncio.wait_for(keeper.healthy.wait(), 60)
        yield keeper
    finally:
        keeping.cancel()
        await keeper.stop()


def redis_part() -> Part:
    port = free_port()
    command = (redis_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", "pw")
    return Part("redis", command, f"redis://127.0.0.1:{port}")


async def test_a_part_that_hangs_is_called_unhealthy_and_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Its port accepts all the same: the kernel does that for a process that sleeps."""
    monkeypatch.setattr(keepers, "PACE", FAST)
    phases: list[str] = []
    async with kept(redis_part(), tmp_path, phases) as keeper:
        hung = keeper.state.pid
        phases.clear()
        os.kill(hung, signal.SIGSTOP)
        await until(lambda: keeper.state.restarts == 1 and keeper.state.phase == "healthy")

        assert keeper.state.pid != hung
        assert phases[0] == "unhealthy"


async def test_a_part_that_was_only_slow_goes_on_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(keepers, "PACE", Pace(every_s=0.1, deadline_s=0.5, misses=1000))
    async with kept(redis_part(), tmp_path) as keeper:
        slow = keeper.state.pid
        os.kill(slow, signal.SIGSTOP)
        await until(lambda: keeper.state.phase == "unhealthy")
        os.kill(slow, signal.SIGCONT)
        await until(lambda: keeper.state.phase == "healthy")

        assert (keeper.state.pid, keeper.state.restarts) == (slow, 0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Of 32 MiB. Only root may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


async def test_a_full_disk_that_has_room_again_needs_no_hand(
    tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """nats-server keeps its write error: with room again it goes on refusing each message until it is restarted."""
    monkeypatch.setattr(keepers, "PACE", FAST)
    port, monitor = free_port(), free_port()
    config = tmp_path / "nats.conf"
    passwords = dict.fromkeys((ADMIN, *SERVICES), "pw")
    config.write_text(nats_config(f"127.0.0.1:{port}", small_disk / "js", passwords, monitor=f"127.0.0.1:{monitor}"))
    part = Part("nats", ("nats-server", "-c", str(config)), f"http://127.0.0.1:{monitor}/healthz", store=small_disk)
    async with kept(part, tmp_path) as keeper:
        client = await nats.connect(f"nats://127.0.0.1:{port}", user=ADMIN, password="pw", max_reconnect_attempts=-1)
        jetstream = client.jetstream(timeout=1)
        await jetstream.add_stream(StreamConfig(name="S", subjects=["s"], storage=StorageType.FILE))

        async def stores() -> bool:
            with contextlib.suppress(nats.errors.Error, nats.js.errors.Error, TimeoutError):
                return bool((await jetstream.publish("s", b"x" * 10_000)).seq)
            return False

        assert await stores()
        with contextlib.suppress(OSError), (small_disk / "others").open("wb") as others:
            while others.write(bytes(1 << 20)):
                others.flush()
        while await stores():
            pass
        await until(lambda: "is full" in caplog.text)
        assert (keeper.state.phase, keeper.state.restarts) == ("unhealthy", 0)  # it would come back to the same disk
        (small_disk / "others").unlink()
        async with asyncio.timeout(60):
            while not await stores():  # noqa: ASYNC110  # the broker is asked again
                await asyncio.sleep(0.1)
        await client.close()

        assert keeper.state.restarts == 1
