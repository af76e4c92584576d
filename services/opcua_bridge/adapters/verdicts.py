"""Live verdicts for SCADA, and word of stations that give none: from the stream's end at start, each one once."""

import logging
from collections.abc import Callable, Collection

from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2

from services.chassis.bus import Bus
from services.chassis.streams import Delivery, Route, Story
from services.contracts.subjects import STATION, STATION_SILENT, VERDICT_REACHED
from services.opcua_bridge.adapters.wire import shown, station_name
from services.opcua_bridge.domain.line import StationName
from services.opcua_bridge.ports import Board, ShownVerdict

Hear = Callable[[ShownVerdict], None]

log = logging.getLogger("jidoka.opcua_bridge")


class LiveVerdicts(Story):
    """Follows the verdicts and silences of all stations that are shown."""

    def __init__(self, bus: Bus, known: Collection[StationName], board: Board, also: Hear = lambda _: None) -> None:
        """`also` hears each verdict that is shown."""
        routes = [
            Route(VERDICT_REACHED.everywhere, verdict_pb2.Verdict, self._on_verdict),
            Route(STATION_SILENT.everywhere, line_pb2.StationFellSilent, self._on_silent),
        ]
        super().__init__(bus, STATION.name, routes, newest=0, name="live verdicts")
        self._known, self._board, self._also = known, board, also
        self._strange: set[StationName] = set()

    async def _on_verdict(self, message: verdict_pb2.Verdict, _: Delivery) -> None:
        verdict = shown(message)
        if self._shows(verdict.station):
            self._also(verdict)
            await self._board.show_verdict(verdict)

    async def _on_silent(self, message: line_pb2.StationFellSilent, _: Delivery) -> None:
        station = station_name(message.station)
        if self._shows(station):
            await self._board.show_silent(station)

    def _shows(self, station: StationName) -> bool:
        if station not in self._known and station not in self._strange:
            self._strange.add(station)
            log.error("no station %s in the plant file: its verdicts are not shown; fix: add it there", station)
        return station in self._known
