"""A PostgreSQL cluster for tests: on loopback, with a password, killed at will and started again as it was."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

_DEADLINE_S = 90


class Postgres:
    """One cluster with one role, who may create databases. PostgreSQL refuses root: root runs it as `postgres`."""

    def __init__(self, role: str, password: str, port: int) -> None:
        """Creates the cluster and starts it. Raises CalledProcessError; RuntimeError where there is no PostgreSQL."""
        self._binaries = _binaries()
        self._account = "postgres" if os.geteuid() == 0 else None
        # Of its own, below none of ours: the server's account could not reach it.
        self._folder = Path(tempfile.mkdtemp(prefix="jidoka-postgres-"))
        self._port = port
        self.url = f"postgresql://{role}@127.0.0.1:{port}/postgres"
        secret = self._folder / "password"
        secret.write_text(password)
        if self._account:
            owner = pwd.getpwnam(self._account)
            for path in (self._folder, secret):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        identity = ("-U", role, "--pwfile", secret, "--auth=scram-sha-256")
        self._run("initdb", "-D", self._data, *identity, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        self.start()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def start(self) -> None:
        """Returns when it answers."""
        told = ("listen_addresses=127.0.0.1", f"port={self._port}", f"unix_socket_directories={self._folder}")
        options = " ".join(f"-c {setting}" for setting in told)
        self._run("pg_ctl", "start", "-D", self._data, "-w", "-t", "60", "-l", self._folder / "log", "-o", options)

    def kill(self) -> None:
        """At once, as in a power cut of the process."""
        self._run("pg_ctl", "stop", "-D", self._data, "-w", "-m", "immediate")

    def close(self) -> None:
        """End it; its data goes with it."""
        if (self._data / "postmaster.pid").exists():
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str | Path) -> None:
        # Its own output goes nowhere: the postmaster would keep a pipe of ours open for as long as it lives.
        subprocess.run(
            [self._binaries / program, *arguments],
            check=True,
            cwd="/",
            user=self._account,
            group=self._account,
            extra_groups=[] if self._account else None,
            stdout=subprocess.DEVNULL,
            timeout=_DEADLINE_S,
        )


def _binaries() -> Path:
    # Debian keeps the server's programs off the PATH, one folder per version.
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    raise RuntimeError("PostgreSQL's server is missing: run make deps")
