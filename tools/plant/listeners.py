"""Who listens on a port: an answer on it says nothing while it may be somebody else's."""

import contextlib

import psutil

_LOOPBACK = ("127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1")  # what a client of 127.0.0.1 may reach


def owners() -> dict[int, set[int | None]]:
    """The pids that listen on each port; None: a process that we may not look into."""
    found: dict[int, set[int | None]] = {}
    for each in psutil.net_connections("tcp"):
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.ip in _LOOPBACK:
            found.setdefault(each.laddr.port, set()).add(each.pid)
    return found


def stranger(port: int, pid: int) -> str:
    """Who listens there instead of the process `pid` or a descendant of it, in words; empty: nobody."""
    found = owners().get(port, set())
    return "" if not found or found & _kin(pid) else taken(port, found)


def taken(port: int, by: set[int | None]) -> str:
    """In words, with what to do."""
    return f"port {port} is taken by {_named(min(by, key=str))}: end it, or use other ports: jidoka up --new-ports"


def _kin(pid: int) -> set[int | None]:
    with contextlib.suppress(psutil.Error):
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    return set()


def _named(pid: int | None) -> str:
    if pid is None:
        return "another user's process"
    with contextlib.suppress(psutil.Error):
        return f"PID {pid} ({psutil.Process(pid).name()})"
    return f"PID {pid}"
