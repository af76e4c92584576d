"""A process that can be killed, stopped in its tracks, and started again as it was. It dies with us, however we die."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.plant import leash


class Process:
    """One part of what is put to the ordeal; its output goes to a file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        env: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
    ) -> None:
        """`before` is a launcher that ends in what it launches, such as `unshare --mount`."""
        self.name, self._before = name, before
        # The servers are beside this Python, whether or not its folder is in PATH.
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
        self._command, self._log, self._env = list(command), log, {**os.environ, "PATH": path, **(env or {})}
        self._running: subprocess.Popen[bytes] | None = None
        self._meant_to_run = False

    @property
    def died(self) -> bool:
        """Whether it ended although nobody ended it."""
        return self._meant_to_run and self._running is not None and self._running.poll() is not None

    @property
    def pid(self) -> int:
        """Of the life that it has, or had last; 0: it had none."""
        return self._running.pid if self._running else 0

    def start(self) -> None:
        """Begin a life."""
        with self._log.open("ab") as log:
            self._running = leash.popen(
                self._command,
                before=self._before,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._meant_to_run = True  # not before: another thread would take the last life's end for this one's

    def kill(self) -> None:
        """SIGKILL, also to one that is stopped in its tracks."""
        self._end(signal.SIGKILL, 10.0)

    def stop(self, deadline_s: float = 10.0) -> None:
        """SIGTERM; SIGKILL when it takes too long."""
        self._end(signal.SIGTERM, deadline_s)

    def pause(self) -> None:
        """SIGSTOP: it sleeps in the middle of anything and does not know it."""
        self._send(signal.SIGSTOP)

    def wake(self) -> None:
        """SIGCONT."""
        self._send(signal.SIGCONT)

    def tail(self, lines: int = 20) -> str:
        """The end of its output."""
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def _send(self, number: signal.Signals) -> None:
        if self._running and self._running.poll() is None:
            self._running.send_signal(number)

    def _end(self, number: signal.Signals, deadline_s: float) -> None:
        self._meant_to_run = False
        self._send(number)
        if self._running:
            try:
                self._running.wait(deadline_s)
            except subprocess.TimeoutExpired:
                self._running.kill()
                self._running.wait()
