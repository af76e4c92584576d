"""One live Tryton with a new database: modules activated, filled as a plant would, and gone afterwards."""

import base64
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tools.plant import leash

DATABASE = "plant"
DROPPED = "Dropped"
"""A status of tasks that nobody will do."""
PASSWORD = "jidoka-user:machine-s3cret"  # noqa: S105 (of a server that lives for a minute on the loopback)
_CONFIGURATION = """
[web]
listen = 127.0.0.1:{port}
[database]
uri = sqlite://
path = {folder}
[session]
timeout = 0
"""
# Without a memory of wrong passwords: with one, Tryton answers each further login seconds later.
_SET_UP_S, _STARTED_S, _CALL_S = 120, 60, 30


@dataclass
class People:
    """What people click in Tryton, as calls."""

    url: str
    login: str
    _headers: dict[str, str] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)

    def call(self, method: str, *params: Any) -> Any:
        """`model.<name>.<method>` as this user. Raises RuntimeError with Tryton's words."""
        if not self._headers:
            user, token, *_ = self._post("common.db.login", self.login, {"password": PASSWORD})
            proof = base64.b64encode(f"{self.login}:{user}:{token}".encode()).decode()
            self._headers = {"Authorization": f"Session {proof}"}
        return self._post(f"model.{method}", *params, self.context)

    def _post(self, method: str, *params: Any) -> Any:
        asked = {"id": 1, "method": method, "params": params}
        address = f"{self.url}/{DATABASE}/rpc/"
        answer = httpx.post(address, json=asked, headers=self._headers, trust_env=False, timeout=_CALL_S)
        told = answer.raise_for_status().json()
        if "error" in told:
            raise RuntimeError(f"{method}: {told['error']}")
        return told["result"]


@dataclass(frozen=True)
class LiveTryton:
    """Where it is, and what stands in it. Users admin, jidoka and onlooker all have the password PASSWORD."""

    url: str
    people: People
    control: int
    project: int
    process: "subprocess.Popen[bytes]"


@contextlib.contextmanager
def tryton() -> Iterator[LiveTryton]:
    """A live one on a free port of the loopback. Raises RuntimeError when it does not come up."""
    with tempfile.TemporaryDirectory(prefix="jidoka-tryton-") as name:
        folder = Path(name)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        configuration = folder / "trytond.conf"
        configuration.write_text(_CONFIGURATION.format(port=port, folder=folder))
        _activate(folder, configuration)
        log = folder / "trytond.log"
        with log.open("w") as written:
            server = leash.popen(
                [_program("trytond"), "-c", configuration, "-d", DATABASE], stdout=written, stderr=subprocess.STDOUT
            )
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(server, url, log)
            people = People(url, "admin")
            control, project = _fill(people)
            yield LiveTryton(url, people, control, project, server)
        finally:
            server.kill()
            server.wait()


def _activate(folder: Path, configuration: Path) -> None:
    (folder / f"{DATABASE}.sqlite").touch()  # Tryton takes only a database that is there
    (folder / "password").write_text(PASSWORD)
    activate = ["-u", "quality", "project", "--activate-dependencies", "--email", "admin@plant.example", "-l", "en"]
    done = subprocess.run(
        [_program("trytond-admin"), "-c", configuration, "-d", DATABASE, *activate],
        env={**os.environ, "TRYTONPASSFILE": str(folder / "password")},
        capture_output=True,
        text=True,
        timeout=_SET_UP_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"trytond-admin ended with {done.returncode}: {done.stderr[-2000:]}")


def _program(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _wait(server: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    asked = {"id": 1, "method": "common.server.version", "params": []}
    ends = time.monotonic() + _STARTED_S
    while time.monotonic() < ends and server.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.post(f"{url}/rpc/", json=asked, trust_env=False, timeout=5).is_success:
                return
        time.sleep(0.05)
    raise RuntimeError(f"tryton does not answer: {log.read_text()[-2000:]}")


def _fill(people: People) -> tuple[int, int]:
    [currency] = people.call("currency.currency.create", [{"name": "Euro", "symbol": "€", "code": "EUR"}])
    [party] = people.call("party.party.create", [{"name": "Plant"}])
    [company] = people.call("company.company.create", [{"party": party, "currency": currency}])
    works_for = {"companies": [["add", [company]]], "company": company}
    people.call("res.user.write", [1], works_for)
    people.call("project.work.status.create", [{"name": DROPPED, "types": ["task"]}])
    people.context["company"] = company
    groups = people.call("res.group.search", [["name", "in", ["Quality", "Project Administration"]]], 0, None, None)
    for login, belongs in (("jidoka", groups), ("onlooker", [])):
        user = {"name": login, "login": login, "password": PASSWORD, "groups": [["add", belongs]], **works_for}
        people.call("res.user.create", [user])
    point = {"name": "good", "string": "Good", "type_": "boolean"}
    control = {"name": "Camera", "frequency": 1.0, "company": company, "points": [["create", [point]]]}
    project = {"name": "Stencil printer 1", "type": "project", "company": company}
    [control_number] = people.call("quality.control.create", [control])
    [project_number] = people.call("project.work.create", [project])
    return control_number, project_number
