"""uvicorn as one component among others: the chassis owns the signals."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from services.chassis.run import spawn


class _Quiet(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves the app at host:port."""

    def __init__(self, app: Any, address: str) -> None:
        host, _, port = address.rpartition(":")
        config = uvicorn.Config(
            app, host, int(port), log_config=None, access_log=False, timeout_graceful_shutdown=5, limit_concurrency=256
        )
        self._server = _Quiet(config)
        self._task: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        """Listen; returns when connections are accepted."""
        self._task = spawn(self._server.serve(), "http")
        while not self._server.started and not self._task.done():  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Finish what is running, then close."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
