"""How a service lives: build, start in order, wait for a signal, drain in reverse order within one deadline."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from services.chassis import telemetry
from services.chassis.errors import MeshError
from services.chassis.health import Health
from services.chassis.settings import ChassisSettings, read_secret

log = logging.getLogger("jidoka.run")
S = TypeVar("S", bound=ChassisSettings)


class Component(Protocol):
    """Something that a service starts and stops."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


@dataclass
class Service:
    """What `build` returns: components in starting order, and what must hold before the service calls itself ready."""

    components: Sequence[Component]
    ready: dict[str, Callable[[], bool]] = field(default_factory=dict)


_running: set[asyncio.Task[Any]] = set()
_crashed: list[str] = []


def spawn(work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
    """Run `work` in the background; if it dies, the service stops with exit code 1 instead of limping on, blind."""
    task = asyncio.create_task(work, name=name)
    _running.add(task)  # asyncio itself keeps only a weak reference: an unreferenced task may vanish
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if task.cancelled():
        if task.cancelling():
            return
        error: BaseException | None = asyncio.CancelledError("nobody cancelled it")
    elif (error := task.exception()) is None:
        return
    log.critical("background task %s died: the service stops", task.get_name(), exc_info=error)
    _crashed.append(task.get_name())
    signal.raise_signal(signal.SIGTERM)


async def cancel(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel tasks and wait until they are gone; again and again, because `wait_for` may swallow it (bpo-37658)."""
    alive = {task for task in tasks if task is not None}
    while alive:
        for task in alive:
            task.cancel()
        _, alive = await asyncio.wait(alive, timeout=0.5)


async def serve(name: str, settings: ChassisSettings, service: Service) -> None:
    """Start, announce readiness, wait for SIGTERM or SIGINT, stop what was started in reverse order."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    scrape_token = read_secret(settings.scrape_token_file, "scrape token") if settings.scrape_token_file else ""
    health = Health(settings.health_address, service.ready, scrape_token)
    started: list[Component] = []
    try:
        for component in (health, *service.components):
            started.append(component)
            starting = asyncio.ensure_future(component.start())
            stopping = asyncio.ensure_future(stop.wait())
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await cancel(stopping)
            if not starting.done():
                await cancel(starting)
                return
            starting.result()
        log.info("%s is up", name)
        await stop.wait()
    finally:
        log.info("%s is stopping", name)
        health.drain()
        await _drain(started, settings.drain_s)


async def _drain(started: list[Component], deadline_s: float) -> None:
    try:
        async with asyncio.timeout(deadline_s):
            for component in reversed(started):
                try:
                    await component.stop()
                except Exception:
                    log.exception("%s did not stop cleanly", type(component).__name__)
    except TimeoutError:
        log.error("drain took longer than %.1f s: the rest is cut off", deadline_s)


def run(name: str, settings_type: type[S], build: Callable[[S], Service]) -> None:
    """The whole `main` of a service: read settings, build, serve. Exit code 2: refused to start, 1: died."""

    async def main() -> None:
        # Built inside the loop: grpc.aio and nats-py bind to the one that runs.
        try:
            settings = settings_type()
            telemetry.setup(name, settings.otlp_endpoint, settings.log_level)
            service = build(settings)
        except (MeshError, ValueError, OSError) as error:  # OSError: no room in /dev/shm, a port that is taken
            sys.stderr.write(f"{name} refuses to start: {error}\n")
            raise SystemExit(2) from None
        await serve(name, settings, service)

    try:
        asyncio.run(main())
    finally:
        telemetry.shutdown()
    raise SystemExit(1 if _crashed else 0)
