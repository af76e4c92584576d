"""Keeps one part running: starts it, waits for its gate, starts it again whenever it dies, stops it."""

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tools.plant import gates, leash, leftovers
from tools.plant.spec import Part
from tools.plant.state import REPOSITORY, PartState, open_log

log = logging.getLogger("jidoka.plant")
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_STEADY_S = 1.0  # healthy for so long: the next death is a new story, and the pause starts anew
_STOP_S = 10.0  # a service drains within 8


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
        gate = asyncio.create_task(self._pass_gate())
        try:
            code = await self._process.wait()
        finally:
            gate.cancel()
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

    async def _pass_gate(self) -> None:
        if self.part.gate:
            await gates.opened(self.part.gate)
            self._healthy_at = time.monotonic()
            self._enter("healthy", self.state.pid)
            self.healthy.set()

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
