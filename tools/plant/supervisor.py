"""The one process that keeps a plant: `python -m tools.plant.supervisor --state DIR --plant FILE`.

It writes `plant.json` at each change, starts parts as soon as what they need is healthy, starts again whatever dies,
and on SIGTERM stops everything, users before what they use. Killed with -9, it takes all parts with it (`leash`).
"""

import argparse
import asyncio
import contextlib
import fcntl
import logging
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil

from services.contracts import plant as plants
from tools.plant import credentials, leftovers, listeners, logs, spec
from tools.plant.keeper import Keeper
from tools.plant.spec import Part
from tools.plant.state import AS_EVER, PlantState, Ports, Progress, Start, read_state

log = logging.getLogger("jidoka.plant")
RUNS_ALREADY = 3
_LOGS_EVERY_S = 2.0
_TRIES = 3  # a part that dies so often before it was ever healthy has a reason that waiting does not cure


Fit = Callable[[list[Part], Ports], list[Part]]


class PlantFailed(Exception):
    """The plant did not come up; the message names the part and its log."""


def serve(
    root: Path,
    source: Path,
    only: tuple[str, ...] = (),
    progress: Progress = lambda _: None,
    start: Start = AS_EVER,
    fit: Fit = lambda table, _: table,
) -> int:
    """Run the plant until SIGTERM, SIGINT or the end of who holds its leash; returns the exit code.

    `fit` may change the table of parts.
    """
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (root / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel opens it when we die, however we die
        except BlockingIOError:
            return RUNS_ALREADY
        previous = read_state(root)
        state = PlantState(root=root, source=source, pid=os.getpid(), created=psutil.Process().create_time())
        state.ports = previous.ports if previous and not start.new_ports else {}
        state.write()
        try:
            with _leash(start.leash) as holder:
                asyncio.run(_supervise(state, _prepare(state, only, fit), progress, start.limit_s, holder))
        except Exception as error:
            log.exception("the plant failed")
            state.phase, state.reason = "failed", str(error) or type(error).__name__
        state.write()
        progress(state)
        return 1 if state.phase == "failed" else 0


def _prepare(state: PlantState, only: tuple[str, ...], fit: Fit) -> list[Part]:
    """Make everything that parts read at start, and the table of parts."""
    leftovers.end(state.root)
    plant = plants.load(state.source)
    ports = Ports(state.ports)
    table = spec.with_needs(spec.parts(state.root, plant, ports), only)
    _no_strangers(table, ports)
    credentials.make(state.root, plant, ports)
    state.plant_file.write_text(spec.effective_plant(state.source, ports), encoding="utf-8")
    table = fit(table, ports)
    state.ports = dict(ports)
    return table


def _no_strangers(table: list[Part], ports: Ports) -> None:
    """A part whose port somebody else has would die, or be taken for healthy. Raises PlantFailed."""
    owners = listeners.owners()
    for part in table:
        said = " ".join((*part.command, *part.env.values(), part.gate, part.url))
        for port in sorted({*map(int, re.findall(r"\d+", said))} & {*ports.values()} & owners.keys()):
            raise PlantFailed(f"{part.name}: {listeners.taken(port, owners[port])}")


@contextlib.contextmanager
def _leash(pid: int) -> Iterator[int | None]:
    """What becomes readable when that process ends. By pidfd: the kernel's other way means a thread of it."""
    try:
        holder = os.pidfd_open(pid) if pid else None
    except ProcessLookupError:
        raise PlantFailed(f"process {pid}, which should hold the leash, has ended") from None
    try:
        yield holder
    finally:
        if holder is not None:
            os.close(holder)


async def _supervise(
    state: PlantState, parts: list[Part], progress: Progress, limit_s: float, holder: int | None
) -> None:
    def changed() -> None:
        state.parts = {name: keeper.state for name, keeper in keepers.items()}
        try:
            state.write()
        except OSError:
            log.exception("the state was not written")  # a full disk must not end the keeping
        progress(state)

    keepers = {part.name: Keeper(part, state.root, changed) for part in parts}
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if holder is not None:
        loop.add_reader(holder, stop.set)
    keeping = [asyncio.create_task(_keep(keeper, keepers)) for keeper in keepers.values()]
    keeping.append(asyncio.create_task(_bound_logs(state.root)))
    try:
        await _all_healthy(state.root, keepers, stop, limit_s)
        state.phase = "up"
        changed()
        await stop.wait()
        state.phase = "stopping"
        changed()
    finally:
        if holder is not None:
            loop.remove_reader(holder)  # it stays readable
        for task in keeping:
            task.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)
        await _stop_all(keepers)
        leftovers.end(state.root)
    state.phase = "down"


async def _keep(keeper: Keeper, keepers: Mapping[str, Keeper]) -> None:
    for name in keeper.part.needs:
        await keepers[name].healthy.wait()
    await keeper.keep()


async def _bound_logs(root: Path) -> None:
    while True:
        try:
            await asyncio.to_thread(logs.bound_all, root)
        except OSError as error:
            log.warning("the logs are not bounded: %s", error)
        await asyncio.sleep(_LOGS_EVERY_S)


async def _all_healthy(root: Path, keepers: Mapping[str, Keeper], stop: asyncio.Event, limit_s: float) -> None:
    """Raises PlantFailed when a part cannot become healthy, or when none has become so for `limit_s`."""
    least, ends = len(keepers), time.monotonic() + limit_s
    while not stop.is_set():
        waiting = [keeper for keeper in keepers.values() if not keeper.healthy.is_set()]
        if not waiting:
            return
        if len(waiting) < least:
            least, ends = len(waiting), time.monotonic() + limit_s
        for keeper in waiting:
            name, written = keeper.part.name, logs.log_file(root, keeper.part.name)
            if keeper.trouble:
                raise PlantFailed(f"{name}: {keeper.trouble}")
            if keeper.state.restarts >= _TRIES:
                raise PlantFailed(f"{name} died {_TRIES} times before it was healthy: see {written}")
        if time.monotonic() > ends:
            names = ", ".join(keeper.part.name for keeper in waiting)
            raise PlantFailed(
                f"nothing has become healthy for {limit_s:.0f} s, not so {names}: see {logs.log_file(root, '<part>')}; "
                f"a slow machine gets longer with: jidoka up --start-limit SECONDS"
            )
        await asyncio.sleep(0.02)


async def _stop_all(keepers: Mapping[str, Keeper]) -> None:
    """Users before what they use, strangers at the same time."""
    stopping: dict[str, asyncio.Task[None]] = {}

    async def stop(keeper: Keeper) -> None:
        users = (name for name, other in keepers.items() if keeper.part.name in other.part.needs)
        await asyncio.gather(*(stopping[name] for name in users))
        await keeper.stop()

    for name, keeper in keepers.items():
        stopping[name] = asyncio.create_task(stop(keeper))
    await asyncio.gather(*stopping.values())


def main() -> None:
    """Run in the foreground of whoever started us."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--state", type=Path, required=True)
    options.add_argument("--plant", type=Path, required=True)
    options.add_argument("--only", nargs="*", default=[])
    options.add_argument("--leash", type=int, default=AS_EVER.leash, help="end with the process of this pid")
    options.add_argument("--new-ports", action="store_true", help="forget the ports of before")
    options.add_argument("--start-limit", type=float, default=AS_EVER.limit_s, help="seconds without progress")
    given = options.parse_args()
    logging.basicConfig(level="INFO", format="%(asctime)s %(message)s")
    start = Start(leash=given.leash, new_ports=given.new_ports, limit_s=given.start_limit)
    raise SystemExit(serve(given.state.resolve(), given.plant.resolve(), tuple(given.only), start=start))


if __name__ == "__main__":
    main()
