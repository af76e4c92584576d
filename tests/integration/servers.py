"""Real servers for tests: on free ports, killed at will, started again where they were."""

import asyncio
import contextlib
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from redis.asyncio import Redis

from tools.plant import leash
from tools.plant.broker import redis_binary
from tools.ports import free_port


async def until(condition: Callable[[], object], deadline_s: float = 120) -> None:
    """Raises TimeoutError. Conditions are plain values of other tasks and processes: there is no event to wait for."""
    async with asyncio.timeout(deadline_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def wait_for_port(port: int, deadline_s: float = 60) -> None:
    ends = time.monotonic() + deadline_s
    while time.monotonic() < ends:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on {port}")


class NatsServer:
    """A nats-server with file storage that can be killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self.start()

    def start(self, *, jetstream: bool = True) -> None:
        log = self.folder.parent / "nats.log"
        store = ["-js", "-sd", str(self.folder)] if jetstream else []
        self.process = leash.popen(["nats-server", "-a", "127.0.0.1", "-p", str(self.port), *store, "-l", str(log)])
        wait_for_port(self.port)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class RedisServer:
    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        self.process = leash.popen([redis_binary(), *options], stdout=subprocess.DEVNULL)
        wait_for_port(self.port)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    async def key(self) -> str:
        async with Redis.from_url(self.url) as client:
            (key,) = await client.keys("jidoka:rules:*")
        return key
