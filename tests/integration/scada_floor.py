"""A SCADA server for tests, with nothing behind it but what the test shows it; and clients of every role."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from asyncua import Client, ua
from asyncua.common.node import Node
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from services.opcua_bridge.adapters.scada import BROKER, NAMESPACE, ScadaBoard
from services.opcua_bridge.domain.context import ContextChange
from services.opcua_bridge.domain.line import LineName, StationName
from services.opcua_bridge.ports import ShownVerdict
from tools.certs import ensure_pki
from tools.ports import free_port

NODESETS = Path(__file__).parents[2] / ".nodesets"
LINE = LineName("lyon", "smt1")
STATION = StationName(LINE, "aoi1")
VISION, JOBS = f"Vision/{STATION}", f"Jobs/{LINE}"
ROLES = ("observer", "operator", "engineer", "mes")


@dataclass
class ScadaFloor:
    """Certificates and accounts, and what became of the context that was told."""

    folder: Path
    told: list[ContextChange] = field(default_factory=list)
    alive: dict[str, bool] = field(default_factory=lambda: {BROKER: True, str(LINE): True})

    def __post_init__(self) -> None:
        assert (NODESETS / "LICENSE").is_file(), "the OPC UA node sets are not there: make nodesets"
        self.pki = ensure_pki(self.folder / "pki", {name: f"urn:test:{name}" for name in ("bridge", "client")})
        self.users = self.folder / "scada.yaml"
        self.users.write_text(yaml.safe_dump({role: {"password": f"{role}-pw", "role": role} for role in ROLES}))

    async def tell(self, change: ContextChange) -> None:
        self.told.append(replace(change, at=0.0))

    def board(self, nodesets: Path | None = NODESETS, stale_after_s: float = 5.0, **more: Any) -> ScadaBoard:
        """A board on a free port; `url` is where."""
        self.url = f"opc.tcp://127.0.0.1:{free_port()}/jidoka"

        def lives(source: str) -> Callable[[], bool]:
            return lambda: self.alive[source]

        sources = {source: lives(source) for source in self.alive}
        recipes = {STATION: [("pcb", 1), ("pcb-thin", 3)]}
        given = {"nodeset_folder": nodesets, "recipes": recipes, "on_context": self.tell} | more
        files = self.pki["bridge"], self.users
        return ScadaBoard(self.url, *files, {LINE: [STATION.station]}, sources, stale_after_s, **given)

    @contextlib.asynccontextmanager
    async def client(self, role: str) -> AsyncIterator["Scada"]:
        client = Client(self.url, timeout=10, watchdog_intervall=20)
        client.application_uri, client.session_timeout = "urn:test:client", 30_000
        client.set_user(role)
        client.set_password(f"{role}-pw")
        own = self.pki["client"] / "own"
        await client.set_security(SecurityPolicyBasic256Sha256, own / "certificate.der", own / "private-key.pem")
        async with client:
            yield Scada(client, await client.get_namespace_index(NAMESPACE))


@dataclass
class Scada:
    """A client that knows our names."""

    client: Client
    index: int

    def node(self, identifier: str) -> Node:
        return self.client.get_node(ua.NodeId(identifier, self.index))

    async def value(self, identifier: str) -> Any:
        return await self.node(identifier).read_value()

    async def status(self, identifier: str) -> str:
        return (await self.node(identifier).read_data_value(raise_on_bad_status=False)).StatusCode.name

    async def call(self, identifier: str, *inputs: Any) -> Any:
        owner = self.node(identifier.rpartition(".")[0])
        return await owner.call_method(ua.NodeId(identifier, self.index), *inputs)


@contextlib.asynccontextmanager
async def running(board: ScadaBoard) -> AsyncIterator[ScadaBoard]:
    await board.start()
    try:
        yield board
    finally:
        await board.stop()


async def eventually(look: Callable[[], Awaitable[Any]], wanted: Any, deadline_s: float = 60) -> None:
    """A server cannot set an asyncio.Event: it is asked again. In the end, what it answered last is shown."""
    ends = time.monotonic() + deadline_s
    while (last := await look()) != wanted and time.monotonic() < ends:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    assert last == wanted


def verdict(number: int = 1, outcome: str = "FAIL", reasons: Sequence[str] = ("spur at the rim",)) -> ShownVerdict:
    now = time.time()
    return ShownVerdict(
        station=STATION,
        outcome=outcome,
        label="spur" if outcome == "FAIL" else "",
        score=0.9,
        part_id=f"lot-7/{number}",
        inspection_id=f"i-{number}",
        judged_at=now,
        captured_at=now - 0.1,
        product="board",
        recipe="pcb",
        recipe_version=1,
        rule_set_version=3,
        model_digest="0123456789abcdef",
        reasons=tuple(reasons),
    )
