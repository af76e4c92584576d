"""The `tritonserver` of the `nvidia-pytriton` wheel as a child process: started, watched, ended with all its kin."""

import asyncio
import contextlib
import logging
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from typing import IO

from services.inference.adapters import processes
from services.inference.adapters.triton_command import Command, Wheel
from services.inference.adapters.work_dir import claim

log = logging.getLogger("jidoka.inference")


class TritonServer:
    """One server at a time, in a work folder that no other service uses meanwhile."""

    def __init__(
        self,
        wheel: Wheel,
        command: Command,
        backend_dir: Path,
        log_file: Path,
        *,
        stop_grace_s: float,
        watch_interval_s: float,
    ) -> None:
        self._wheel = wheel
        self._command = command
        self._backend_dir = backend_dir
        self._log_file = log_file
        self._stop_grace_s = stop_grace_s
        self._watch_interval_s = watch_interval_s
        self._lock: IO[bytes] | None = None
        self._process: Process | None = None

    async def start(self) -> None:
        """End what an earlier life left, then start. Raises Conflict when another service uses the work folder."""
        self._own_work_dir()
        self._clear()
        self._command.repository.mkdir(parents=True, exist_ok=True)  # Triton does not start without
        self._wheel.assemble(self._command.backends, self._backend_dir)
        with self._new_log() as output:
            # setpriv makes the kernel end Triton when we die, however we die; it then becomes Triton (exec).
            self._process = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "KILL"),
                *self._command.line(),
                env=self._wheel.environment(),
                stdin=DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        log.info("tritonserver started, pid %d, log %s: %s", self._process.pid, self._log_file, self._command)

    async def failure(self) -> str:
        """Wait until the server has exited or lost a model process; says what happened."""
        process = self._process
        if process is None:
            return "tritonserver was not started"
        dead: set[int] = set()
        while process.returncode is None:
            before, dead = dead, processes.dead_children(process.pid)
            if dead & before:  # seen twice: a model process that ends on purpose is a zombie for a moment, too
                return f"model process {min(dead & before)} died"
            await asyncio.sleep(self._watch_interval_s)
        if process.returncode < 0:
            return f"tritonserver was ended by {signal.Signals(-process.returncode).name}"
        return f"tritonserver exited with {process.returncode}: {self._last_words()}"

    async def kill(self) -> None:
        """End server and model processes at once, and sweep their shared memory."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        self._clear()

    async def stop(self) -> None:
        """Let the server finish its work within the grace period, then end what is left."""
        try:
            if self._process is not None and self._process.returncode is None:
                self._process.terminate()
                async with asyncio.timeout(self._stop_grace_s):
                    await self._process.wait()
        except TimeoutError:
            log.warning("tritonserver did not stop within %.1f s: it is killed", self._stop_grace_s)
        finally:
            await self.kill()
            if self._lock is not None:
                self._lock.close()
                self._lock = None

    def _own_work_dir(self) -> None:
        if self._lock is None:
            self._lock = claim(self._command.backends.parent)

    def _clear(self) -> None:
        stub = self._command.backends / "python" / self._wheel.stub.name
        ended = processes.end_leftovers({self._wheel.binary, stub}, self._command.backends)
        swept = processes.sweep_shared_memory(self._command.shm_prefix)
        if ended or swept:
            log.warning("ended leftover processes %s, swept shared memory %s", ended, swept)

    def _new_log(self) -> IO[bytes]:
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        if self._log_file.exists():
            self._log_file.replace(self._log_file.with_name(f"{self._log_file.name}.1"))
        return self._log_file.open("wb")

    def _last_words(self) -> str:
        lines = self._log_file.read_text(encoding="utf-8", errors="replace").splitlines() or ["nothing in its log"]
        return lines[-1].replace(self._command.admin_key, "***")[:300]


class ForeignServer:
    """A Triton that others run: it is never ours to start or end."""

    async def start(self) -> None:
        """Others have done so."""

    async def failure(self) -> str:
        """Nobody tells us; only its answers can fail."""
        never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        return await never

    async def kill(self) -> None:
        """Not ours."""

    async def stop(self) -> None:
        """Not ours."""
