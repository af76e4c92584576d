"""Keeps one part running: starts it, waits for its gate, starts it again whenever it dies or hangs, stops it."""

import asyncio
import contextlib
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tools.plant import gates, leash, leftovers, listeners
from tools.plant.logs import open_log
from tools.plant.spec import Part
from tools.plant.state import REPOSITORY, PartState

log = logging.getLogger("jidoka.plant")
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_STEADY_S = 1.0  # healthy for so long: the next death is a new story, and the pause starts anew
_STOP_S = 10.0  # a service drains within 8
_ROOM_BYTES = 8 << 20  # a disk with less is full


@dataclass(frozen=True)
class Pace:
    """How often a living part is asked, and how many answers it may owe in a row.

    A machine that is overloaded, and not a part that hangs, answers one of five within ten seconds each. One that hangs
    is started again after 65 s, one that refuses after 15 s; a pause of 20 s, as of a debugger or a snapshot, is none.
    """

    every_s: float = 3.0
    deadline_s: float = 10.0
    misses: int = 5


PACE = Pace()


class Keeper:
    """One part and its process."""

    def __init__(self, part: Part, root: Path, changed: Callable[[], None]) -> None:
        self.part = part
        self.state = PartState(gate=part.gate, url=part.url)
        self.healthy = asyncio.Event()
        self._root = root
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._healthy_at = float("inf")
        self.trouble = ""
        """Why it cannot become healthy, where that is known."""

    async def keep(self) -> None:
        """Run the part for ever; a step without a gate until it succeeds once."""
        pause_s = _FIRST_PAUSE_S
        while True:
            code = await self._run_once()
            if code == 0 and not self.part.gate:
                self._enter("done")
                self.healthy.set()
                return
            log.warning("%s ended with code %s", self.part.name, code)
            if time.monotonic() - self._healthy_at > _STEADY_S:
                pause_s = _FIRST_PAUSE_S
            self.state.restarts += 1
            self._enter("backing-off")
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _run_once(self) -> int:
        self._healthy_at = float("inf")
        try:
            self._process = await self._spawn()
        except OSError:
            log.exception("%s cannot be started", self.part.name)
            return -1
        self._enter("starting", self._process.pid)
        watch = asyncio.create_task(self._watch())
        try:
            code = await self._process.wait()
        finally:
            watch.cancel()
        self._sweep()
        return code

    async def _spawn(self) -> asyncio.subprocess.Process:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        marked = {leftovers.MARK: leftovers.mark(self._root, self.part.name)}
        with open_log(self._root, self.part.name) as out:
            return await asyncio.create_subprocess_exec(
                *leash.command(self.part.command),
                env={**os.environ, "PATH": path, **self.part.env, **marked},
                cwd=REPOSITORY,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C at the terminal is for the supervisor, which stops parts in order
            )

    async def _watch(self) -> None:
        if self.part.gate:
            await self._pass_gate()
            await self._until_dead()

    async def _pass_gate(self) -> None:
        """Healthy is what answers at our gate and is ours."""
        while True:
            await gates.opened(self.part.gate)
            port = urlsplit(self.part.gate).port or 0
            self.trouble = await asyncio.to_thread(listeners.stranger, port, self.state.pid)
            if not self.trouble:
                break
            log.error("%s: %s", self.part.name, self.trouble)
            await asyncio.sleep(1.0)
        self._healthy_at = time.monotonic()
        self._enter("healthy", self.state.pid)
        self.healthy.set()

    async def _until_dead(self) -> None:
        """End it when it owes too many answers: `keep` starts it again."""
        missed = 0
        while missed < PACE.misses or self._disk_is_full():
            await asyncio.sleep(PACE.every_s)
            if await gates.answers(self.part.pulse or self.part.gate, PACE.deadline_s):
                if missed:
                    self._enter("healthy", self.state.pid)
                missed = 0
                continue
            missed += 1
            if missed == 1:
                log.warning("%s does not answer", self.part.name)
                self._enter("unhealthy", self.state.pid)
            if missed == PACE.misses and self._disk_is_full():
                log.error("%s: the disk of %s is full: make room, then it is started again", self.part.name, self._root)
        log.error("%s owes %d answers: it is killed and started again", self.part.name, missed)
        if self._process is not None:
            self._process.kill()  # one that is stopped would not hear anything more polite

    def _disk_is_full(self) -> bool:
        return self.part.store is not None and shutil.disk_usage(self.part.store).free < _ROOM_BYTES

    def _enter(self, phase: str, pid: int = 0) -> None:
        self.state = self.state.model_copy(update={"phase": phase, "pid": pid, "since": time.time()})
        log.info("%s is %s", self.part.name, phase)
        self._changed()

    def _sweep(self) -> None:
        """A dead part's own children would keep its ports."""
        for process in leftovers.end(self._root, self.part.name, deadline_s=1.0):
            log.error("%s left %s behind, and it does not go", self.part.name, process.pid)

    async def stop(self) -> None:
        """End the process: politely, then for certain. `keep` must have been cancelled before."""
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), _STOP_S)
                except TimeoutError:
                    log.warning("%s did not stop within %.0f s: it is killed", self.part.name, _STOP_S)
                    process.kill()
                    await process.wait()
        self._sweep()
        self._enter("stopped")
