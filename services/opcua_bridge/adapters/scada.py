"""The OPC UA server for SCADA: what the lines do, what we asked of them, and the last verdict of each station.

`Line/<site>/<line>/...` and `Station/<site>/<line>/<station>/...`; who has an account may read, nobody may write.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asyncua import Server, ua

from services.chassis.run import cancel, spawn
from services.opcua_bridge.adapters.identity import load_identity
from services.opcua_bridge.adapters.scada_tags import Tags
from services.opcua_bridge.adapters.secure_server import Rights, secure_server
from services.opcua_bridge.domain.line import LineName, PauseRequest, PlcView
from services.opcua_bridge.ports import ShownVerdict

NAMESPACE = "urn:jidoka:scada"
ROLES = {"observer": Rights(), "operator": Rights(), "engineer": Rights()}
BROKER, BRIDGE = "broker", "bridge"
_CHECK_S = 0.5
_PAUSE_TAGS = {
    "PauseState": (ua.VariantType.String, BROKER),
    "PauseReason": (ua.VariantType.String, BROKER),
    "PauseRequestId": (ua.VariantType.String, BROKER),
    "PauseSince": (ua.VariantType.DateTime, BROKER),
    "SuspectFrom": (ua.VariantType.UInt64, BROKER),
    "SuspectTo": (ua.VariantType.UInt64, BROKER),
}
_STATION_TAGS = {
    "LastVerdict": (ua.VariantType.String, BROKER),
    "LastDefectLabel": (ua.VariantType.String, BROKER),
    "LastScore": (ua.VariantType.Double, BROKER),
    "LastPartId": (ua.VariantType.String, BROKER),
    "LastInspectionId": (ua.VariantType.String, BROKER),
    "PassCount": (ua.VariantType.UInt32, BROKER),
    "FailCount": (ua.VariantType.UInt32, BROKER),
    "InconclusiveCount": (ua.VariantType.UInt32, BROKER),
}


def _line_tags(line: LineName) -> dict[str, tuple[ua.VariantType, str]]:
    plc = str(line)
    return {
        "PackMLState": (ua.VariantType.Int32, plc),
        "RemotePauseEnabled": (ua.VariantType.Boolean, plc),
        "LinkUp": (ua.VariantType.Boolean, BRIDGE),
        **_PAUSE_TAGS,
    }


class ScadaBoard:
    """The variables and their server. `alive` tells for each source, a line's name or BROKER, whether it is there."""

    def __init__(
        self,
        url: str,
        pki: Path,
        users_file: Path,
        stations: Mapping[LineName, Sequence[str]],
        alive: Mapping[str, Callable[[], bool]],
        stale_after_s: float,
    ) -> None:
        self._url, self._pki, self._users_file = url, pki, users_file
        self._stations = stations
        self._alive = alive
        self._stale_after_s = stale_after_s
        self._counts: Counter[str] = Counter()
        self._server: Server | None = None
        self._checking: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        identity = await load_identity(self._pki)
        self._server = await secure_server(self._url, "Jidoka", identity, self._users_file, ROLES)
        self._tags = Tags(self._server, await self._server.register_namespace(NAMESPACE))
        for line, stations in self._stations.items():
            await self._tags.add("Line", str(line), _line_tags(line))
            for station in stations:
                await self._tags.add("Station", f"{line}/{station}", _STATION_TAGS)
        await self._server.start()
        self._checking = spawn(self._check_forever(), "quality of the SCADA values")

    async def stop(self) -> None:
        await cancel(self._checking)
        if self._server:
            await self._server.stop()

    async def show_line(self, line: LineName, view: PlcView, at: float) -> None:
        """What the PLC says; without a link its last values stay, and lose their good status."""
        await self._show(f"Line/{line}", at, LinkUp=view.link_up)
        if view.link_up:
            await self._show(f"Line/{line}", at, PackMLState=view.state, RemotePauseEnabled=view.remote_pause_enabled)

    async def show_pause(self, request: PauseRequest, state: str, at: float) -> None:
        """How far the handshake for this request has come."""
        await self._show(
            f"Line/{request.station.line}",
            at,
            PauseState=state,
            PauseReason=request.text,
            PauseRequestId=request.request_id,
            PauseSince=datetime.fromtimestamp(at, UTC),
            SuspectFrom=request.first_part,
            SuspectTo=request.last_part,
        )

    async def show_running(self, line: LineName, at: float) -> None:
        """The operator resumed: no pause of ours is in force."""
        await self._show(f"Line/{line}", at, PauseState="idle", PauseSince=datetime.fromtimestamp(at, UTC))

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

    async def _show(self, folder: str, at: float, **values: str | float | datetime) -> None:
        for tag, value in values.items():
            await self._tags.show(f"{folder}/{tag}", value, at)

    async def _check_forever(self) -> None:
        seen = dict.fromkeys(self._alive, time.monotonic())
        while True:
            for source, alive in self._alive.items():
                if alive():
                    seen[source] = time.monotonic()
                await self._tags.set_away(source, time.monotonic() - seen[source] > self._stale_after_s)
            await asyncio.sleep(_CHECK_S)
