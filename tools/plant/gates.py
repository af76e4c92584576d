"""Is a part healthy? Asked over the socket, without a library: it is asked often and while everything starts.

An accepted connection alone says little: the kernel accepts for a process that hangs.
"""

import asyncio
import contextlib
import struct
from urllib.parse import SplitResult, urlsplit

_PAUSE_S = 0.03


async def answers(gate: str, deadline_s: float = 1.0) -> bool:
    """Whether http://host:port/path says 200, redis:// and opc.tcp:// answer, and tcp://host:port accepts."""
    where = urlsplit(gate)
    with contextlib.suppress(OSError, TimeoutError, ValueError):
        async with asyncio.timeout(deadline_s):
            reader, writer = await asyncio.open_connection(where.hostname, where.port)
            try:
                if where.scheme == "tcp":
                    return True
                question, good = _QUESTIONS[where.scheme](where)
                writer.write(question)
                answer = await reader.read(64)
                return any(word in answer for word in good)
            finally:
                writer.close()
    return False


async def opened(gate: str) -> None:
    """Wait until it answers; the caller sets the deadline."""
    while not await answers(gate):  # noqa: ASYNC110  # another process: there is no event
        await asyncio.sleep(_PAUSE_S)


def _http(where: SplitResult) -> tuple[bytes, tuple[bytes, ...]]:
    return f"GET {where.path} HTTP/1.0\r\nHost: {where.netloc}\r\n\r\n".encode(), (b" 200 ",)


def _redis(_: SplitResult) -> tuple[bytes, tuple[bytes, ...]]:
    return b"PING\r\n", (b"+PONG", b"-NOAUTH")  # it needs no password to show that it works


def _opcua(where: SplitResult) -> tuple[bytes, tuple[bytes, ...]]:
    """Hello and Acknowledge (OPC 10000-6, 7.1.2)."""
    url = where.geturl().encode()
    body = struct.pack("<5Ii", 0, 65_535, 65_535, 0, 0, len(url)) + url
    return b"HELF" + struct.pack("<I", 8 + len(body)) + body, (b"ACK",)


_QUESTIONS = {"http": _http, "redis": _redis, "opc.tcp": _opcua}
