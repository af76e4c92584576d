"""Is a part healthy? Asked over the socket, without a library: it is asked often and while everything starts."""

import asyncio
import contextlib
from urllib.parse import urlsplit

_PAUSE_S = 0.03


async def answers(gate: str, deadline_s: float = 1.0) -> bool:
    """Whether tcp://host:port accepts, or http://host:port/path says 200."""
    where = urlsplit(gate)
    with contextlib.suppress(OSError, TimeoutError, ValueError):
        async with asyncio.timeout(deadline_s):
            reader, writer = await asyncio.open_connection(where.hostname, where.port)
            try:
                if where.scheme == "tcp":
                    return True
                writer.write(f"GET {where.path} HTTP/1.0\r\nHost: {where.netloc}\r\n\r\n".encode())
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    return False


async def opened(gate: str) -> None:
    """Wait until it answers; the caller sets the deadline."""
    while not await answers(gate):  # noqa: ASYNC110  # another process is waited for: nobody here could set an event
        await asyncio.sleep(_PAUSE_S)
