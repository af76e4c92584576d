"""The one process that keeps a plant: `python -m tools.plant.supervisor --state DIR --plant FILE`.

It writes `plant.json` at each change, starts parts as soon as what they need is healthy, starts again whatever dies,
and on SIGTERM stops everything, users before what they use. Killed with -9, it takes all parts with it (`leash`).
"""

import argparse
import asyncio
import fcntl
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from services.contracts import plant as plants
from tools.plant import credentials, leftovers, spec
from tools.plant.keeper import Keeper
from tools.plant.spec import Part
from tools.plant.state import PlantState, Ports, Progress, log_file, read_state

log = logging.getLogger("jidoka.plant")
RUNS_ALREADY = 3
_START_S = 120.0
_TRIES = 3  # a part that dies so often before it was ever healthy has a reason that waiting does not cure


Fit = Callable[[list[Part], Ports], list[Part]]


class PlantFailed(Exception):
    """The plant did not come up; the message names the part and its log."""


def serve(
    root: Path,
    source: Path,
    only: tuple[str, ...] = (),
    progress: Progress = lambda _: None,
    fit: Fit = lambda table, _: table,
) -> int:
    """Run the plant until SIGTERM or SIGINT; returns the exit code. `fit` may change the table of parts."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (root / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel opens it when we die, however we die
        except BlockingIOError:
            return RUNS_ALREADY
        previous = read_state(root)
        state = PlantState(root=root, source=source, pid=os.getpid(), created=psutil.Process().create_time())
        state.ports = previous.ports if previous else {}
        state.write()
        try:
            asyncio.run(_supervise(state, _prepare(state, only, fit), progress))
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
    credentials.make(state.root, plant, ports)
    state.plant_file.write_text(spec.effective_plant(state.source, ports), encoding="utf-8")
    table = fit(table, ports)
    state.ports = dict(ports)
    return table


async def _supervise(state: PlantState, parts: list[Part], progress: Progress) -> None:
    def changed() -> None:
        state.parts = {name: keeper.state for name, keeper in keepers.items()}
        try:
            state.write()
        except OSError:
            log.exception("the state was not written")  # a full disk must not end the keeping
        progress(state)

    keepers = {part.name: Keeper(part, state.root, changed) for part in parts}
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    keeping = [asyncio.create_task(_keep(keeper, keepers)) for keeper in keepers.values()]
    try:
        await _all_healthy(state.root, keepers, stop)
        state.phase = "up"
        changed()
        await stop.wait()
        state.phase = "stopping"
        changed()
    finally:
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


async def _all_healthy(root: Path, keepers: Mapping[str, Keeper], stop: asyncio.Event) -> None:
    ends = time.monotonic() + _START_S
    while not stop.is_set():
        waiting = [keeper for keeper in keepers.values() if not keeper.healthy.is_set()]
        if not waiting:
            return
        for keeper in waiting:
            if keeper.state.restarts >= _TRIES:
                name = keeper.part.name
                raise PlantFailed(f"{name} died {_TRIES} times before it was healthy: see {log_file(root, name)}")
        if time.monotonic() > ends:
            names = ", ".join(keeper.part.name for keeper in waiting)
            raise PlantFailed(f"not healthy after {_START_S:.0f} s: {names}; see {log_file(root, '<part>')}")
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
    given = options.parse_args()
    logging.basicConfig(level="INFO", format="%(asctime)s %(message)s")
    raise SystemExit(serve(given.state.resolve(), given.plant.resolve(), tuple(given.only)))


if __name__ == "__main__":
    main()
