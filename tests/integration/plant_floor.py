"""A plant floor for tests: a PLC that can be killed, a panel to press, a wire that can freeze, and the bridge."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from services.contracts.plant import Place
from services.opcua_bridge.app import build
from services.opcua_bridge.domain.line import HELD
from services.opcua_bridge.domain.numbering import number_of
from services.opcua_bridge.settings import Settings
from tools.certs import ensure_pki
from tools.chaos.wire import Wire  # noqa: F401  # the tests look for it here
from tools.plant import leash
from tools.ports import free_port

ROOT = Path(__file__).parents[2]
NAMESPACE = "urn:jidoka:plant:smt1:plc"
PLACE = Place("lyon", "smt1", "aoi1")
ABSENT = Place("lyon", "smt2", "aoi1")


@dataclass
class Floor:
    """What stands in the plant for all tests: certificates, accounts and one PLC that can be killed."""

    folder: Path
    kind: str = "visif"
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        names = ("plc", "bridge", "client")
        self.pki = ensure_pki(self.folder / "pki", {name: f"urn:test:{name}" for name in names})
        self.strangers = ensure_pki(self.folder / "elsewhere", {"client": "urn:test:client"})
        self.users = self.folder / "users.yaml"
        roles = ("bridge", "operator", "observer", "tester")
        self.users.write_text(yaml.safe_dump({role: {"password": f"{role}-pw", "role": role} for role in roles}))
        self.start()

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}/plc"

    def start(self) -> None:
        where = ["--port", str(self.port), "--namespace", NAMESPACE, "--pki", str(self.pki["plc"])]
        files = ["--retain", str(self.folder / "retain.json"), "--users", str(self.users)]
        command = [sys.executable, "-m", "tools.simulators.plc", *where, *files, "--kind", self.kind]
        self.process = leash.popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL)

    def wait_ready(self) -> None:
        assert self.process.stdout.readline().startswith("READY")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


async def until(condition: Callable[[], Awaitable[bool]], deadline_s: float = 60) -> None:
    """A PLC cannot set an asyncio.Event: it is asked again, and each question has its own deadline."""
    ends = time.monotonic() + deadline_s
    while not await condition():
        assert time.monotonic() < ends, f"not within {deadline_s} s"
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def client_of(url: str, pki: Path, user: str, password: str) -> AsyncIterator[Client]:
    client = Client(url, timeout=5)
    client.application_uri, client.session_timeout = "urn:test:client", 30_000
    if user:
        client.set_user(user)
        client.set_password(password)
    own = pki / "own"
    await client.set_security(SecurityPolicyBasic256Sha256, own / "certificate.der", own / "private-key.pem")
    async with client:
        yield client


class Panel:
    """The operator's panel at the machine; for the user `tester` the fault switches as well."""

    def __init__(self, client: Client, index: int) -> None:
        self.client, self.index = client, index

    async def read(self, tag: str):
        return await self.client.get_node(ua.NodeId(tag, self.index)).read_value()

    async def press(self, method: str, *arguments) -> None:
        operator = self.client.get_node(ua.NodeId("Operator", self.index))
        await operator.call_method(ua.NodeId(f"Operator.{method}", self.index), *arguments)

    async def switch(self, fault: str, value: ua.Variant) -> None:
        await self.client.get_node(ua.NodeId(f"Faults.{fault}", self.index)).write_value(ua.DataValue(value))

    async def restart(self, off_s: float) -> None:
        faults = self.client.get_node(ua.NodeId("Faults", self.index))
        off_ms = ua.Variant(int(off_s * 1000), ua.VariantType.UInt32)
        await faults.call_method(ua.NodeId("Faults.Restart", self.index), off_ms)

    async def until(self, tag: str, wanted) -> None:
        async def seen() -> bool:
            return await self.read(tag) == wanted

        await until(seen)

    async def until_past(self, tag: str, least: int) -> None:
        """Until a counter has come so far; it may skip."""

        async def passed() -> bool:
            return await self.read(tag) >= least

        await until(passed)

    async def until_acknowledged(self) -> None:
        """Until the PLC has answered another request than the last one; a claim has the last one's number."""
        before = number_of(await self.read("VisIf.AckCmdId"))

        async def answered() -> bool:
            return number_of(await self.read("VisIf.AckCmdId")) != before

        await until(answered)

    async def resume(self) -> None:
        await self.until("VisIf.StateCurrent", HELD)
        await self.press("Resume")
        await self.until("Line.Running", True)


@contextlib.asynccontextmanager
async def at_the_panel(floor: Floor, user: str = "operator") -> AsyncIterator[Panel]:
    async with client_of(floor.url, floor.pki["client"], user, f"{user}-pw") as client:
        yield Panel(client, await client.get_namespace_index(NAMESPACE))


def make_settings(floor: Floor, nats_url: str, folder: Path, plc_port: int) -> Settings:
    """The demo plant with the PLC behind `plc_port`, and a second line whose PLC is not there."""
    plant = yaml.safe_load((ROOT / "deploy/plants/demo.yaml").read_text())
    line = plant["sites"][0]["lines"][0]
    absent = {**line, "name": ABSENT.line, "plc": {**line["plc"], "url": f"opc.tcp://127.0.0.1:{free_port()}/plc"}}
    line["plc"]["url"] = f"opc.tcp://127.0.0.1:{plc_port}/plc"
    plant["sites"][0]["lines"].append(absent)
    (folder / "plant.yaml").write_text(yaml.safe_dump(plant))
    (folder / "password").write_text("bridge-pw\n")
    scada = {"observer": {"password": "observer-pw", "role": "observer"}}
    (folder / "scada.yaml").write_text(yaml.safe_dump(scada))
    return Settings(
        plant_file=folder / "plant.yaml",
        nats_url=nats_url,
        nats_password_file=folder / "password",
        pki=floor.pki["bridge"],
        plc_password_file=folder / "password",
        scada_url=f"opc.tcp://127.0.0.1:{free_port()}/jidoka",
        scada_users_file=folder / "scada.yaml",
    )


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        for component in build(settings).components:
            await component.start()
            stack.push_async_callback(component.stop)
        yield


_MODULE = "services.opcua_bridge"
_WRONG_CLOCK = (
    "import runpy, time; real = time.time; time.time = lambda: real() + {}; runpy.run_module({!r}, {{}}, '__main__')"
)


def spawned(settings: Settings, skew_s: float = 0.0) -> subprocess.Popen:
    """A bridge in a process of its own, whose clock is so far ahead of everybody else's."""
    given = {k: v for k, v in settings.model_dump(mode="json").items() if k in settings.model_fields_set}
    environment = {f"JIDOKA_OPCUA_BRIDGE_{key.upper()}": str(value) for key, value in given.items()}
    way = ["-c", _WRONG_CLOCK.format(skew_s, _MODULE)] if skew_s else ["-m", _MODULE]
    command = [sys.executable, *way]
    return leash.popen(command, cwd=ROOT, env=os.environ | environment, stderr=subprocess.DEVNULL)
