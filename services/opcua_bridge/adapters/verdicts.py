"""Live verdicts for SCADA, and word of stations that give none: from the stream's end at start, each one once."""

from collections.abc import Callable, Collection

from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2
from nats.errors import Error as NatsError

from services.chassis.bus import Bus
from services.chassis.errors import Invalid, Unavailable
from services.chassis.streams import Delivery, Follower, Route
from services.contracts.subjects import STATION, STATION_SILENT, VERDICT_REACHED
from services.opcua_bridge.adapters.wire import shown, station_name
from services.opcua_bridge.domain.line import StationName
from services.opcua_bridge.ports import Board, ShownVerdict

Hear = Callable[[ShownVerdict], None]


class LiveVerdicts:
    """Follows the verdicts and silences of all stations that are shown."""

    def __init__(self, bus: Bus, known: Collection[StationName], board: Board, also: Hear = lambda _: None) -> None:
        """`also` hears each verdict that is shown."""
        self._bus = bus
        self._known = known
        self._board = board
        self._also = also
        self._position = -1
        routes = [
            Route(VERDICT_REACHED.everywhere, verdict_pb2.Verdict, self._on_verdict),
            Route(STATION_SILENT.everywhere, line_pb2.StationFellSilent, self._on_silent),
        ]
        self._follower = Follower(bus, STATION.name, routes, lambda: self._position)

    async def start(self) -> None:
        """Raises Unavailable while the broker does not say where the stream ends."""
        try:
            info = await self._bus.jetstream.stream_info(STATION.name)
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable(f"the broker does not know the stream {STATION.name}: {error}") from error
        self._position = info.state.last_seq
        await self._follower.start()

    async def stop(self) -> None:
        await self._follower.stop()

    async def _on_verdict(self, message: verdict_pb2.Verdict, delivery: Delivery) -> None:
        self._position = delivery.sequence
        verdict = shown(message)
        self._check(verdict.station)
        self._also(verdict)
        await self._board.show_verdict(verdict)

    async def _on_silent(self, message: line_pb2.StationFellSilent, delivery: Delivery) -> None:
        self._position = delivery.sequence
        station = station_name(message.station)
        self._check(station)
        await self._board.show_silent(station)

    def _check(self, station: StationName) -> None:
        if station not in self._known:
            raise Invalid(f"no station {station} in the plant file", field="station", fix="add it there")
