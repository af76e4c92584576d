"""A small OPC UA server behind our walls, and clients who may, may not, or try to get in."""

import atexit
import contextlib
import functools
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from asyncua import Client, Server, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from services.opcua_bridge.adapters.audit import Entry, caller
from services.opcua_bridge.adapters.identity import load_identity
from services.opcua_bridge.adapters.secure_server import Rights, secure_server
from services.opcua_bridge.adapters.trust import read_certificate
from services.opcua_bridge.adapters.users import fingerprint, hashed
from tools.certs import CERTIFICATE, PRIVATE_KEY, ensure_pki
from tools.ports import free_port

ROLES = {
    "observer": Rights(),
    "operator": Rights(write=frozenset({"Speed"}), call=frozenset({"Greet"})),
    "engineer": Rights(write=frozenset({"Speed"}), call=frozenset({"Greet", "Reset"})),
}
TRUSTED = ("server", "client", "other", "anna")
OWN = 2


@functools.cache
def _keys() -> Path:
    """Made once: a key takes a quarter of a second, and a test wants six."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    ensure_pki(folder / "pki", {name: f"urn:test:{name}" for name in TRUSTED})
    ensure_pki(folder / "elsewhere", {"stranger": "urn:test:stranger"})
    return folder


@dataclass
class Fortress:
    """Certificates, accounts and what the audit heard."""

    folder: Path
    heard: list[Entry] = field(default_factory=list)
    deaf: bool = False

    def __post_init__(self) -> None:
        shutil.copytree(_keys(), self.folder, dirs_exist_ok=True)
        self.pki = {name: self.folder / "pki" / name for name in TRUSTED}
        self.pki |= {"stranger": self.folder / "elsewhere/stranger"}
        self.users = self.folder / "users.yaml"
        accounts: dict[str, dict[str, str]] = {
            role: {"scrypt": hashed(f"{role}-pw", cost=10), "role": role} for role in ROLES
        }
        accounts["anna"] = {"certificate": fingerprint(self.certificate("anna")), "role": "engineer"}
        self.users.write_text(yaml.safe_dump(accounts))
        self.url = f"opc.tcp://127.0.0.1:{free_port()}/fortress"

    def certificate(self, name: str) -> Any:
        return read_certificate(self.pki[name] / CERTIFICATE)

    async def hear(self, entry: Entry) -> None:
        if self.deaf:
            raise RuntimeError
        self.heard.append(entry)

    @contextlib.asynccontextmanager
    async def open(self, **more: Any) -> AsyncIterator[Server]:
        identity = await load_identity(self.pki["server"])
        server = await secure_server(self.url, "Fortress", identity, self.users, ROLES, on_audit=self.hear, **more)
        own = await server.register_namespace("urn:test:tags")
        assert own == OWN
        objects = server.nodes.objects
        speed = await objects.add_variable(tag("Speed"), "Speed", 1.0)
        await speed.set_writable()
        await objects.add_variable(tag("Locked"), "Locked", 1.0)
        await objects.add_method(tag("Greet"), "Greet", _greet, [ua.VariantType.String], [ua.VariantType.String])
        await objects.add_method(tag("Reset"), "Reset", _reset, [], [])
        async with server:
            self.server = server
            yield server

    def client(self, name: str = "client", user: str = "", password: str = "", **more: Any) -> "Visitor":
        return Visitor(self, name, user, password or f"{user}-pw", **more)


@dataclass
class Visitor:
    """`async with` connects; the client that was made is `client`."""

    fortress: Fortress
    name: str
    user: str
    password: str
    policy: Any = SecurityPolicyBasic256Sha256
    user_certificate: str = ""
    before: Callable[[Client], None] = lambda _client: None
    validator: Any = None

    async def prepared(self) -> Client:
        client = Client(self.fortress.url, timeout=10)
        client.application_uri, client.session_timeout = f"urn:test:{self.name}", 30_000
        client.certificate_validator = self.validator
        if self.user:
            client.set_user(self.user)
            client.set_password(self.password)
        if self.user_certificate:
            home = self.fortress.pki[self.user_certificate]
            await client.load_client_certificate(str(home / CERTIFICATE))
            await client.load_private_key(str(home / PRIVATE_KEY))
        home = self.fortress.pki[self.name]
        await client.set_security(self.policy, home / CERTIFICATE, home / PRIVATE_KEY)
        self.before(client)
        return client

    async def __aenter__(self) -> Client:
        self.client = await self.prepared()
        await self.client.connect()
        return self.client

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            await self.client.disconnect()


def tag(name: str) -> ua.NodeId:
    return ua.NodeId(name, OWN)


async def write_speed(client: Client, value: Any = 2.0, kind: ua.VariantType = ua.VariantType.Double) -> None:
    await client.get_node(tag("Speed")).write_value(ua.DataValue(ua.Variant(value, kind)))


async def _greet(_parent: ua.NodeId, name: ua.Variant) -> list[ua.Variant]:
    return [ua.Variant(f"{name.Value}, says {caller().user} as {caller().role}")]


async def _reset(_parent: ua.NodeId) -> list[ua.Variant]:
    return []
