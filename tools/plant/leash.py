"""Start a command that dies with its parent: `python leash.py <parent pid> <command> ...`, then exec.

The kernel keeps the promise (PR_SET_PDEATHSIG), even when the parent is killed with -9. A launcher of its own, because
a `preexec_fn` is not safe in a process with threads. The process keeps its pid, its output and its environment.

`popen` for those who start servers (tests, `jidoka chaos`, benches), `command` for a start of one's own. The launcher
runs without site-packages: only the standard library stands here.
"""

import ctypes
import functools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1


def command(arguments: Sequence[str | Path]) -> list[str]:
    """The command line that puts `arguments` on our leash; to be started from a thread that lives as long as we do."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *map(str, arguments)]


def popen(arguments: Sequence[str | Path], before: Sequence[str] = (), **options: Any) -> "subprocess.Popen[Any]":
    """As subprocess.Popen: the process dies with ours, however ours ends. Raises FileNotFoundError.

    `before` is a launcher that ends in what it launches, such as `unshare --mount`.
    """
    program = str(arguments[0])
    if shutil.which(program, path=(options.get("env") or os.environ).get("PATH")) is None:
        raise FileNotFoundError(f"{program} is not in PATH")  # the launcher could only say so in its output

    def start() -> "subprocess.Popen[Any]":
        return subprocess.Popen([*before, *command(arguments)], **options)

    return _holder(os.getpid()).submit(start).result()


@functools.cache
def _holder(pid: int) -> ThreadPoolExecutor:  # a fork has a pid of its own, and no threads
    """One thread that lives as long as the process: for the kernel, the parent is the thread that forked."""
    return ThreadPoolExecutor(1, thread_name_prefix=f"leash of {pid}")


if __name__ == "__main__":
    parent, *wanted = sys.argv[1:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it died before the leash was on
        raise SystemExit(1)
    os.execvp(wanted[0], wanted)  # noqa: S606  # a launcher's only job
