"""Who listens on a port: an answer on it says nothing while it may be somebody else's."""

import contextlib

import psutil

_LOOPBACK = ("127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1")  # what a client of 127.0.0.1 may reach


def owners(port: int) -> set[int | None]:
    """The pids that listen there; None: a process that we may not look into."""
    return {
        found.pid
        for found in psutil.net_connections("tcp")
        if found.status == psutil.CONN_LISTEN and found.laddr.port == port and found.laddr.ip in _LOOPBACK
    }


def stranger(port: int, pid: int = 0) -> str:
    """Who listens there instead of the process `pid` or a descendant of it, in words; empty: nobody."""
    found = owners(port)
    return "" if not found or found & _kin(pid) else f"port {port} is taken by {_named(min(found, key=str))}"


def _kin(pid: int) -> set[int | None]:
    with contextlib.suppress(psutil.Error):
        if pid:
            return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    return set()


def _named(pid: int | None) -> str:
    if pid is None:
        return "another user's process"
    with contextlib.suppress(psutil.Error):
        return f"PID {pid} ({psutil.Process(pid).name()})"
    return f"PID {pid}"
