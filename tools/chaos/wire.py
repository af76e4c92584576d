"""A TCP proxy that misbehaves on demand: freezes (bytes wait, both ends believe in the connection), cuts, refuses."""

import asyncio
import contextlib
from typing import Self

_CHUNK = 65536


class Wire:
    """Between clients and `127.0.0.1:target`; listens on `port` while entered."""

    def __init__(self, target: int, port: int = 0) -> None:
        self.target, self.port = target, port
        self.open = asyncio.Event()
        """Clear it to freeze the wire."""
        self.open.set()
        self.refuses = False
        """Set it to have nobody come through."""
        self._ends: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self.open.set()
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Reset every connection; what was frozen on the way is lost."""
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.refuses:
                raise ConnectionRefusedError
            onward, out = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, out}
        self._ends |= ends
        try:
            await asyncio.gather(self._pump(reader, out), self._pump(onward, writer))
        finally:
            self._ends -= ends
            for end in ends:
                end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self.open.wait()
                writer.write(data)
                await writer.drain()
        await self.open.wait()
        with contextlib.suppress(OSError):
            writer.close()
