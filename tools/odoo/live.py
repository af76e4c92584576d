"""One live Odoo with a new database: started, filled by prepare.py, and gone afterwards."""

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tools.plant import leash
from tools.ports import free_port
from tools.postgres import Postgres

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".odoo"
DATABASE = "plant"
_MARK = "JIDOKA "  # as in prepare.py, which runs in Odoo's own Python
PASSWORD = "jidoka-user:machine-s3cret"  # noqa: S105 (of all users but admin)
_DATABASE_PASSWORD = "of-one-run"  # noqa: S105
_SET_UP_S, _STARTED_S, _CALL_S = 240, 90, 60


@dataclass(frozen=True)
class Odoo:
    """Where it is, and what prepare.py left in it."""

    url: str
    database: str
    keys: Mapping[str, str]
    """API key by login: admin, jidoka and technician (who see all requests), clerk (his own), onlooker (none)."""
    equipment: int
    team: int
    log: Path

    def call(self, login: str, model: str, method: str, **told: Any) -> Any:
        """What a person with this login does. Raises HTTPStatusError."""
        proof = {"Authorization": f"bearer {self.keys[login]}", "X-Odoo-Database": self.database}
        url = f"{self.url}/json/2/{model}/{method}"
        return httpx.post(url, json=told, headers=proof, trust_env=False, timeout=_CALL_S).raise_for_status().json()


@contextlib.contextmanager
def odoo() -> Iterator[Odoo]:
    """A live one on a free port of the loopback. Raises RuntimeError when it does not come up."""
    if not (HOME / "site" / "version").exists():
        raise RuntimeError("Odoo is not installed: run tools/odoo/install (make test-odoo does)")
    with tempfile.TemporaryDirectory(prefix="jidoka-odoo-") as folder:
        port = free_port()
        postgres = Postgres("odoo", _DATABASE_PASSWORD, port)
        try:
            yield from _served(Path(folder), port)
        finally:
            postgres.close()


def _served(folder: Path, database_port: int) -> Iterator[Odoo]:
    options = [f"--database={DATABASE}", "--db_host=127.0.0.1", f"--db_port={database_port}", "--db_user=odoo"]
    options += [f"--db_password={_DATABASE_PASSWORD}", "--log-level=warn"]
    options += [f"--data-dir={folder / 'files'}", "--max-cron-threads=0", "--without-demo=all"]
    _once([*options, "--init=maintenance", "--stop-after-init"], folder)
    told = _prepared(["shell", *options, "--no-http"], folder)
    port = free_port()
    log = folder / "odoo.log"
    with log.open("w") as written:
        server = leash.popen(
            _command([*options, "--http-interface=127.0.0.1", f"--http-port={port}"]),
            cwd=folder,
            env=_environment(folder),
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(server, f"{url}/web/health", log)
        yield Odoo(url, DATABASE, told["keys"], told["equipment"], told["team"], log)
    finally:
        server.kill()
        server.wait()


def _command(arguments: list[str]) -> list[str]:
    return [str(HOME / "venv" / "bin" / "python"), "-m", "odoo", *arguments]


def _environment(folder: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(HOME / "site"), "PATH": os.environ["PATH"], "HOME": str(folder), "TZ": "UTC"}


def _once(arguments: list[str], folder: Path, fed: str = "") -> str:
    done = subprocess.run(
        _command(arguments),
        cwd=folder,
        env=_environment(folder),
        input=fed,
        capture_output=True,
        text=True,
        timeout=_SET_UP_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"odoo ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout + done.stderr


def _prepared(arguments: list[str], folder: Path) -> Any:
    output = _once(arguments, folder, (Path(__file__).parent / "prepare.py").read_text())
    for line in output.splitlines():
        if line.startswith(_MARK):
            return json.loads(line.removeprefix(_MARK))
    raise RuntimeError(f"odoo shell did not finish prepare.py: {output[-2000:]}")


def _wait(server: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    ends = time.monotonic() + _STARTED_S
    while time.monotonic() < ends and server.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, trust_env=False, timeout=5).is_success:
                return
        time.sleep(0.1)
    raise RuntimeError(f"odoo does not answer: {log.read_text()[-2000:]}")
