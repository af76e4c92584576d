"""A line of our own for an ordeal or a bench: a real broker, a simulated PLC, bridges, and a wire between them."""

import asyncio
import contextlib
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from asyncua import Client
from asyncua.crypto import security_policies

from services.chassis.bus import Bus
from services.contracts.plant import Place
from services.contracts.plc import Plc
from services.contracts.subjects import SERVICES
from services.opcua_bridge.adapters.identity import load_identity
from tools.certs import ensure_pki
from tools.chaos.process import Process
from tools.chaos.wire import Wire
from tools.plant.broker import ADMIN, nats_config
from tools.plant.provision import provision
from tools.plant.state import REPOSITORY
from tools.ports import free_port
from tools.simulators.plc_memory import Memory, Retain

PLACE = Place("lyon", "smt1", "aoi1")
USERS = ("bridge", "operator", "observer", "tester")
_START_S = 120.0
_LOOK_S = 0.02


@dataclass
class Floor:
    """What stands there. Everything listens on loopback only, and ends with `standing`."""

    folder: Path
    plc: Plc
    pki: dict[str, Path]
    passwords: dict[str, str]
    nats_url: str
    bus: Bus
    wire: Wire
    processes: dict[str, Process]
    plc_port: int
    bridges: list[str] = field(default_factory=list)
    _memory: Memory = field(default_factory=Memory)
    _read_at: int = 0

    @property
    def memory(self) -> Memory:
        """The PLC's retentive memory, readable also while it is dead."""
        path = self.folder / "plc.json"
        stamp = path.stat().st_mtime_ns if path.exists() else 0
        if stamp != self._read_at:
            self._memory, self._read_at = Retain(path).load(), stamp
        return self._memory

    async def until_state(self, *states: int, deadline_s: float = _START_S) -> None:
        """Wait until the machine itself is in one of the PackML states. Raises TimeoutError."""
        await self.until(lambda: self.memory.state in states, deadline_s)

    async def until(self, condition: Callable[[], bool], deadline_s: float) -> None:
        """Wait for what a file or another process says. Raises TimeoutError."""
        async with asyncio.timeout(deadline_s):
            while not condition():  # noqa: ASYNC110  # a file sets no event
                await asyncio.sleep(_LOOK_S)

    @contextlib.asynccontextmanager
    async def client(self, user: str) -> AsyncIterator[tuple[Client, int]]:
        """A client beside the wire, with the index of the PLC's namespace. Raises what asyncua and asyncio raise."""
        identity = await load_identity(self.pki["client"])
        client = Client(f"opc.tcp://127.0.0.1:{self.plc_port}/plc", timeout=2.0)
        client.application_uri, client.session_timeout = identity.application_uri, 10_000
        client.certificate_validator = identity.server_validator()
        client.set_user(user)
        client.set_password(self.passwords[user])
        policy = getattr(security_policies, f"SecurityPolicy{self.plc.security_policy}")
        await client.set_security(policy, str(identity.certificate_path), str(identity.key_path))
        async with client:
            yield client, await client.get_namespace_index(self.plc.namespace)


@contextlib.asynccontextmanager
async def standing(folder: Path, bridges: int, **plc: Any) -> AsyncIterator[Floor]:
    """Build everything in an empty folder and start it; `plc` overrides what the demo's plant file says of the PLC."""
    ports = [free_port() for _ in range(3 + bridges)]
    async with contextlib.AsyncExitStack() as stack:
        wire = await stack.enter_async_context(Wire(ports[1]))
        floor = _furnished(folder, ports, wire, plc)
        for process in floor.processes.values():
            stack.callback(process.kill)
        floor.processes["broker"].start()
        await _listening(ports[0])
        await floor.bus.start()
        stack.push_async_callback(floor.bus.stop)
        await provision(floor.bus)
        floor.processes["plc"].start()
        await _listening(ports[1])
        for port in ports[3:]:
            bridge = _bridge(floor, port)
            stack.callback(bridge.kill)
            bridge.start()
        if bridges:
            await floor.until(lambda: floor.memory.last_id != 0, _START_S)  # one has claimed the PLC
        yield floor


def _furnished(folder: Path, ports: list[int], wire: Wire, overrides: dict[str, Any]) -> Floor:
    passwords = {user: secrets.token_urlsafe(12) for user in (*USERS, ADMIN, "scada")}
    accounts = {user: {"password": passwords[user], "role": user} for user in USERS}
    scada = {"observer": {"password": passwords["scada"], "role": "observer"}}
    pki = ensure_pki(folder / "pki", {name: f"urn:jidoka:ordeal:{name}" for name in ("plc", "bridge", "client")})
    plant = _plant(wire.port, overrides)
    the_plc = Plc.model_validate(plant["sites"][0]["lines"][0]["plc"])
    users = dict.fromkeys((ADMIN, *SERVICES), passwords[ADMIN])
    files = {
        "plant.yaml": yaml.safe_dump(plant),
        "plc-users.yaml": yaml.safe_dump(accounts),
        "scada-users.yaml": yaml.safe_dump(scada),
        "plc.password": passwords["bridge"],
        "nats.password": passwords[ADMIN],
        "nats.conf": nats_config(f"127.0.0.1:{ports[0]}", folder / "nats", users),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o600)
    nats_url = f"nats://127.0.0.1:{ports[0]}"
    bus = Bus(nats_url, ADMIN, passwords[ADMIN])
    where = ["--port", str(ports[1]), "--namespace", the_plc.namespace, "--kind", the_plc.adapter]
    what = ["--pki", pki["plc"], "--retain", folder / "plc.json", "--users", folder / "plc-users.yaml"]
    command = [sys.executable, "-m", "tools.simulators.plc", *where, *map(str, what)]
    processes = {
        "broker": Process("broker", ["nats-server", "-c", str(folder / "nats.conf")], folder / "broker.log"),
        "plc": Process("plc", command, folder / "plc.log"),
    }
    return Floor(folder, the_plc, pki, passwords, nats_url, bus, wire, processes, ports[1])


def _plant(plc_port: int, overrides: dict[str, Any]) -> dict[str, Any]:
    plant: dict[str, Any] = yaml.safe_load((REPOSITORY / "deploy/plants/demo.yaml").read_text(encoding="utf-8"))
    plc = plant["sites"][0]["lines"][0]["plc"]
    plc |= {"url": f"opc.tcp://127.0.0.1:{plc_port}/plc", **overrides}
    return plant


def _bridge(floor: Floor, scada_port: int) -> Process:
    told = {
        "plant_file": floor.folder / "plant.yaml",
        "nats_url": floor.nats_url,
        "nats_password_file": floor.folder / "nats.password",
        "pki": floor.pki["bridge"],
        "plc_password_file": floor.folder / "plc.password",
        "scada_url": f"opc.tcp://127.0.0.1:{scada_port}/jidoka",
        "scada_users_file": floor.folder / "scada-users.yaml",
        # As often as the faults come, nobody should be spared.
        "backoff_max_s": 1.0,
    }
    name = f"bridge-{len(floor.bridges) + 1}"
    env = {f"JIDOKA_OPCUA_BRIDGE_{key.upper()}": str(value) for key, value in told.items()}
    command = [sys.executable, "-m", "services.opcua_bridge"]
    floor.processes[name] = Process(name, command, floor.folder / f"{name}.log", env)
    floor.bridges.append(name)
    return floor.processes[name]


async def _listening(port: int) -> None:
    async with asyncio.timeout(_START_S):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(_LOOK_S)
