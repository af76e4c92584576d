"""The OPC UA server for SCADA: what the lines do, what we asked of them, and what became of each part.

Plain variables under `Line/`, `Station/` and `LinePause/`; with the node sets also `Vision/<site>/<line>/<station>`
(OPC 40100-1) and `Jobs/<site>/<line>` (OPC 10031-4). Who has an account may read; roles.py says who may call what.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from asyncua import Server, ua

from services.chassis.run import cancel, spawn
from services.opcua_bridge.adapters.audit import Hook
from services.opcua_bridge.adapters.expiry import OnExpiry
from services.opcua_bridge.adapters.identity import load_identity
from services.opcua_bridge.adapters.scada import nodesets, plain
from services.opcua_bridge.adapters.scada.jobs import JobReceiver, OnOrders
from services.opcua_bridge.adapters.scada.plain import BROKER
from services.opcua_bridge.adapters.scada.recipes import OnContext
from services.opcua_bridge.adapters.scada.roles import roles
from services.opcua_bridge.adapters.scada.space import Space
from services.opcua_bridge.adapters.scada.tags import Tags, Trust
from services.opcua_bridge.adapters.scada.vision_system import VisionSystem
from services.opcua_bridge.adapters.secure_server import secure_server
from services.opcua_bridge.domain.jobs import KeptList
from services.opcua_bridge.domain.line import LineName, PauseRequest, PlcView, StationName
from services.opcua_bridge.ports import ShownVerdict

NAMESPACE = "urn:jidoka:scada"
_CHECK_S = 0.5
_ASKED = frozenset({"sent", "acked", "confirmed"})
_HEALTHY, _DEGRADED, _NO_DATA = 255, 199, 1  # ranges of ServiceLevel (OPC 10000-4, 6.6.2.4.2)
Recipe = tuple[str, int]
log = logging.getLogger("jidoka.opcua_bridge")


class ScadaBoard:
    """The server and its objects. `alive` tells for each source, a line's name or BROKER, whether it is there.

    A source is believed for `stale_after_s` of silence; then its values are uncertain, and bad `bad_after_s` later.
    """

    def __init__(
        self,
        url: str,
        pki: Path,
        users_file: Path,
        stations: Mapping[LineName, Sequence[str]],
        alive: Mapping[str, Callable[[], bool]],
        stale_after_s: float,
        *,
        bad_after_s: float = 5.0,
        nodeset_folder: Path | None = None,
        recipes: Mapping[StationName, Sequence[Recipe]] | None = None,
        results_kept: int = 1000,
        job_orders_kept: int = 32,
        idle_after_s: float = 10.0,
        on_context: OnContext | None = None,
        on_orders: OnOrders | None = None,
        max_sessions: int = 50,
        on_audit: Hook | None = None,
        on_expiry: OnExpiry | None = None,
    ) -> None:
        self._url, self._pki, self._users_file = url, pki, users_file
        self._stations, self._alive = stations, alive
        self._stale_after_s, self._lost_after_s = stale_after_s, stale_after_s + bad_after_s
        self._nodeset_folder, self._recipes = nodeset_folder, recipes or {}
        self._on_context, self._on_orders = on_context, on_orders
        self._results_kept, self._job_orders_kept, self._idle_after_s = results_kept, job_orders_kept, idle_after_s
        self._doors = partial(secure_server, max_sessions=max_sessions, on_audit=on_audit, on_expiry=on_expiry)
        self._counts: Counter[str] = Counter()
        self._systems: dict[StationName, VisionSystem] = {}
        self._receivers: dict[LineName, JobReceiver] = {}
        self._server: Server | None = None
        self._checking: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        started = time.monotonic()
        logging.getLogger("asyncua.common").setLevel(logging.ERROR)  # it comments on the standard node sets
        identity = await load_identity(self._pki)
        server = await self._doors(self._url, "Jidoka", identity, self._users_file, roles(self._stations))
        self._server = server
        own = await server.register_namespace(NAMESPACE)  # first, so that its index never depends on the node sets
        await self._open_plain(server, own)
        if await nodesets.load(server, self._nodeset_folder):
            await self._open_objects(await Space.of(server, own))
        await server.start()
        self._checking = spawn(self._check_forever(), "quality of the SCADA values")
        log.info("SCADA server ready after %.1f s", time.monotonic() - started)

    async def stop(self) -> None:
        await cancel(self._checking)
        if self._server:
            await self._server.stop()

    async def _open_plain(self, server: Server, own: int) -> None:
        self._tags = Tags(server, own)
        for line, stations in self._stations.items():
            await self._tags.add("Line", str(line), plain.line_table(line))
            await self._tags.add("LinePause", str(line), plain.LINE_PAUSE)
            for station in stations:
                await self._tags.add("Station", f"{line}/{station}", plain.STATION)

    async def _open_objects(self, space: Space) -> None:
        name = ua.QualifiedName("Jobs", space.own)
        folder = await space.server.nodes.objects.add_folder(ua.NodeId("Jobs", space.own), name)
        for line, stations in self._stations.items():
            named = {StationName(line, station): station for station in stations}
            known = sorted({recipe for one in named for recipe, _ in self._recipes.get(one, ())})
            told = self._on_context, self._on_orders
            receiver = JobReceiver(space, line, stations, known, self._job_orders_kept, *told)
            await receiver.open(folder)
            self._receivers[line] = receiver
            for station in named:
                recipes = self._recipes.get(station, ())
                limits = self._results_kept, self._idle_after_s
                self._systems[station] = VisionSystem(space, station, recipes, *limits, self._on_context)
                await self._systems[station].open()

    async def show_line(self, line: LineName, view: PlcView, at: float) -> None:
        """What the PLC says; without a link its last values stay, and lose their good status."""
        await self._show(f"Line/{line}", at, LinkUp=view.link_up, LinkDetail=view.detail)
        if view.link_up:
            await self._show(f"Line/{line}", at, PackMLState=view.state, RemotePauseEnabled=view.remote_pause_enabled)

    async def show_pause(self, request: PauseRequest, state: str, at: float, command: int = 0) -> None:
        """How far the handshake for this request has come; `command` is its id at the PLC."""
        line, since = request.station.line, datetime.fromtimestamp(at, UTC)
        suspects = {"SuspectFrom": request.first_part, "SuspectTo": request.last_part}
        said = {"PauseState": state, "PauseReason": request.text, "PauseRequestId": request.request_id}
        await self._show(f"Line/{line}", at, PauseSince=since, **said, **suspects)
        mirror = f"LinePause/{line}"
        await self._show(mirror, at, Requested=state in _ASKED, Reason=request.text, State=state, Since=since)
        await self._show(mirror, at, CmdId=command, **suspects)

    async def show_running(self, line: LineName, at: float) -> None:
        """The operator resumed: no pause of ours is in force."""
        since = datetime.fromtimestamp(at, UTC)
        await self._show(f"Line/{line}", at, PauseState="idle", PauseSince=since)
        await self._show(f"LinePause/{line}", at, Requested=False, State="idle", Since=since)

    async def show_verdict(self, verdict: ShownVerdict) -> None:
        """The last verdict of a station; counters count since this process started."""
        folder, counter = f"Station/{verdict.station}", f"{verdict.outcome.capitalize()}Count"
        self._counts[f"{folder}/{counter}"] += 1
        values: dict[str, str | float] = {
            "LastVerdict": verdict.outcome,
            "LastDefectLabel": verdict.label,
            "LastScore": verdict.score,
            "LastPartId": verdict.part_id,
            "LastInspectionId": verdict.inspection_id,
            counter: self._counts[f"{folder}/{counter}"],
        }
        await self._show(folder, verdict.judged_at, **values)
        if system := self._systems.get(verdict.station):
            await system.show(verdict, self._receivers[verdict.station.line].running)

    async def show_silent(self, station: StationName) -> None:
        """Parts pass and no verdict comes: until the next verdict."""
        if system := self._systems.get(station):
            await system.show_silent()

    async def show_orders(self, line: LineName, orders: KeptList, place: int) -> None:
        """The list of a line's job orders, and its place in the stream; without the node sets there is none to show."""
        if receiver := self._receivers.get(line):
            await receiver.restore(orders, place)

    async def _show(self, folder: str, at: float, **values: str | float | datetime) -> None:
        for tag, value in values.items():
            await self._tags.show(f"{folder}/{tag}", value, at)

    async def _check_forever(self) -> None:
        seen = dict.fromkeys(self._alive, time.monotonic())
        heard: set[str] = set()
        while True:
            heard |= {source for source, alive in self._alive.items() if alive()}
            seen |= {source: time.monotonic() for source, alive in self._alive.items() if alive()}
            trust = {source: self._trust(time.monotonic() - at) for source, at in seen.items()}
            for source, one in trust.items():
                await self._tags.set_trust(source, one)
            for system in self._systems.values() if BROKER in heard else ():
                await system.look(mesh_away=trust[BROKER] is not Trust.GOOD)
            await self._say_service_level(trust)
            await asyncio.sleep(_CHECK_S)

    def _trust(self, silent_s: float) -> Trust:
        if silent_s > self._lost_after_s:
            return Trust.LOST
        return Trust.LAST_USABLE if silent_s > self._stale_after_s else Trust.GOOD

    async def _say_service_level(self, trust: Mapping[str, Trust]) -> None:
        assert self._server is not None
        good = sum(one is Trust.GOOD for one in trust.values())
        if trust.get(BROKER, Trust.GOOD) is Trust.LOST:
            level = _NO_DATA
        else:
            level = _HEALTHY if good == len(trust) else max(_NO_DATA + 1, _DEGRADED * good // len(trust))
        node = self._server.get_node(ua.ObjectIds.Server_ServiceLevel)
        await node.write_value(ua.DataValue(ua.Variant(level, ua.VariantType.Byte)))
