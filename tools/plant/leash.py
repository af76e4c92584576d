"""Start a command that dies with its parent: `python leash.py <parent pid> <command> ...`, then exec.

The kernel keeps the promise (PR_SET_PDEATHSIG), even when the parent is killed with -9. A launcher of its own, because
a `preexec_fn` is not safe in a process with threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    parent, *command = sys.argv[1:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it died before the leash was on
        raise SystemExit(1)
    os.execvp(command[0], command)  # noqa: S606  # a launcher's only job
