"""Results to SCADA: so many a second to so many encrypted clients, each in a process of its own; none may be lost."""

import asyncio
import json
import multiprocessing
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from services.opcua_bridge.adapters.scada import BROKER, NAMESPACE, ScadaBoard
from services.opcua_bridge.domain.line import LineName, StationName
from services.opcua_bridge.ports import ShownVerdict
from tools.certs import ensure_pki
from tools.ports import free_port

_LINE = LineName("bench", "line1")
_STATION = StationName(_LINE, "station1")
_ACCOUNT, _PASSWORD = "observer", "bench-of-scada"
_FIELDS = ("ResultId", "CreationTime", "PartId", "InternalRecipeId", "ResultState", "ResultContent")
_PUBLISHING_MS = 50
_GRACE_S = 30.0
_RESULT_READY = 1024


@dataclass(frozen=True)
class _Plan:
    url: str
    server_pki: Path
    client_pki: Path
    users_file: Path
    nodesets: Path
    results: int
    per_second: float


@dataclass
class _Heard:
    """What one client got: when each result arrived after it was judged."""

    latencies_ms: list[float]
    distinct: int
    complete: bool


def scada(
    nodesets: Path, *, per_second: float = 200.0, clients: int = 5, seconds: float = 10.0
) -> dict[str, float | int | bool]:
    """The figures: what was sent, received and lost, and p50, p99 and the longest way in milliseconds.

    Each client subscribes to ResultReadyEvent (Basic256Sha256, SignAndEncrypt, 50 ms publishing) and decodes the
    structures in it. Raises RuntimeError when a client did not get ready.
    """
    with tempfile.TemporaryDirectory() as folder:
        pki = ensure_pki(Path(folder) / "pki", {"server": "urn:bench:server", "client": "urn:bench:client"})
        users = Path(folder) / "users.yaml"
        users.write_text(yaml.safe_dump({_ACCOUNT: {"password": _PASSWORD, "role": _ACCOUNT}}), encoding="utf-8")
        url = f"opc.tcp://127.0.0.1:{free_port()}/jidoka"
        plan = _Plan(url, pki["server"], pki["client"], users, nodesets, round(per_second * seconds), per_second)
        heard, started_s, took_s = _run(plan, clients)
    p50, p99, longest = np.percentile([way for one in heard for way in one.latencies_ms] or [0.0], (50, 99, 100))
    received = sum(one.distinct for one in heard)
    return {
        "clients": clients,
        "asked_per_second": per_second,
        "results_per_second": plan.results / took_s,
        "sent": plan.results,
        "expected": plan.results * clients,
        "received": received,
        "lost": plan.results * clients - received,
        "decoded": all(one.complete for one in heard),
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "max_ms": float(longest),
        "server_start_s": started_s,
    }


def _run(plan: _Plan, clients: int) -> tuple[list[_Heard], float, float]:
    context = multiprocessing.get_context("spawn")
    said, go, done = context.Queue(), context.Event(), context.Event()
    server = context.Process(target=_serve, args=(plan, said, go, done), daemon=True)
    listeners = [context.Process(target=_listen, args=(plan, said), daemon=True) for _ in range(clients)]
    try:
        server.start()
        started_s = _next(said, "the server")
        for listener in listeners:
            listener.start()
        for _ in listeners:
            _next(said, "a client")
        go.set()
        took_s = _next(said, "the server's last result", plan.results / plan.per_second)
        heard = [_next(said, "a client's answer") for _ in listeners]
    finally:
        done.set()
        for process in (server, *(one for one in listeners if one.pid)):
            process.join(_GRACE_S)
            process.kill()
    return heard, started_s, took_s


def _next(said: "Queue[Any]", what: str, more_s: float = 0.0) -> Any:
    try:
        return said.get(timeout=_GRACE_S + 2 * more_s)
    except Exception as error:
        raise RuntimeError(f"{what} did not come within the deadline") from error


def _serve(plan: _Plan, said: "Queue[Any]", go: Any, done: Any) -> None:
    async def serve() -> None:
        stations = {_LINE: [_STATION.station]}
        files = plan.server_pki, plan.users_file
        board = ScadaBoard(plan.url, *files, stations, {BROKER: lambda: True}, 5.0, nodeset_folder=plan.nodesets)
        began = time.perf_counter()
        await board.start()
        said.put(time.perf_counter() - began)
        await asyncio.to_thread(go.wait)
        began = time.perf_counter()
        for number in range(plan.results):
            await asyncio.sleep(max(0.0, began + number / plan.per_second - time.perf_counter()))
            await board.show_verdict(_verdict(number))
        said.put(time.perf_counter() - began)
        await asyncio.to_thread(done.wait)
        await board.stop()

    asyncio.run(serve())


def _verdict(number: int) -> ShownVerdict:
    now = time.time()
    return ShownVerdict(
        station=_STATION,
        outcome="FAIL",
        label="scratch",
        score=0.9,
        part_id=f"lot/{number}",
        inspection_id=f"bench-{number}",
        judged_at=now,
        captured_at=now,
        product="part",
        recipe="recipe",
        recipe_version=1,
        rule_set_version=1,
        model_digest="0" * 64,
        reasons=("a scratch of 12 px at the rim",),
    )


class _Ear:
    """Notes each event as it comes in."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self.latencies_ms: list[float] = []
        self.ids: set[str] = set()
        self.complete = True
        self.all_heard = asyncio.Event()

    def event_notification(self, event: Any) -> None:
        """Called by asyncua for each event; one that is about no result, such as a new state, has no CreationTime."""
        if event.CreationTime is None:
            return
        self.latencies_ms.append((time.time() - event.CreationTime.timestamp()) * 1e3)
        self.ids.add(event.ResultId.Id)
        self.complete &= event.PartId.Id.startswith("lot/") and event.ResultContent[0].Value == "FAIL"
        if len(self.ids) == self._expected:
            self.all_heard.set()


def _listen(plan: _Plan, said: "Queue[Any]") -> None:
    async def listen() -> None:
        client = Client(plan.url, timeout=_GRACE_S, watchdog_intervall=_GRACE_S)
        client.application_uri = "urn:bench:client"
        client.set_user(_ACCOUNT)
        client.set_password(_PASSWORD)
        own = plan.client_pki / "own"
        await client.set_security(SecurityPolicyBasic256Sha256, own / "certificate.der", own / "private-key.pem")
        async with client:
            await client.load_data_type_definitions()
            ear = _Ear(plan.results)
            subscription = await client.create_subscription(_PUBLISHING_MS, ear)
            await _subscribe(client, subscription)
            said.put("ready")
            try:
                async with asyncio.timeout(plan.results / plan.per_second + _GRACE_S):
                    await ear.all_heard.wait()
            except TimeoutError:
                pass  # what is missing is counted as lost
            said.put(_Heard(ear.latencies_ms, len(ear.ids), ear.complete))

    asyncio.run(listen())


async def _subscribe(client: Client, subscription: Any) -> None:
    """To the fields that a SCADA screen shows; queue of 10,000 events, the server's own bound."""
    own = await client.get_namespace_index(NAMESPACE)
    vision = await client.get_namespace_index("http://opcfoundation.org/UA/MachineVision")
    events = ua.EventFilter()
    of_type = ua.NodeId(_RESULT_READY, vision)
    events.SelectClauses = [
        ua.SimpleAttributeOperand(of_type, [ua.QualifiedName(name, vision)], ua.AttributeIds.Value) for name in _FIELDS
    ]
    station = client.get_node(ua.NodeId(f"Vision/{_STATION}", own))
    await subscription.subscribe_events(station, evfilter=events, queuesize=10_000)


if __name__ == "__main__":
    print(json.dumps(scada(Path(".nodesets")), indent=2))
