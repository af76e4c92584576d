"""Live verdicts for SCADA: from the stream's end at start, each one once."""

from collections.abc import Awaitable, Callable, Collection

from jidoka.verdict.v1 import verdict_pb2
from nats.errors import Error as NatsError

from services.chassis.bus import Bus
from services.chassis.errors import Invalid, Unavailable
from services.chassis.streams import Delivery, Follower, Route
from services.contracts.subjects import STATION, VERDICT_REACHED
from services.opcua_bridge.adapters.facts import shown
from services.opcua_bridge.domain.line import StationName
from services.opcua_bridge.ports import ShownVerdict


class LiveVerdicts:
    """Follows the verdicts of all stations that are shown."""

    def __init__(
        self, bus: Bus, known: Collection[StationName], show: Callable[[ShownVerdict], Awaitable[None]]
    ) -> None:
        self._bus = bus
        self._known = known
        self._show = show
        self._position = -1
        route = Route(VERDICT_REACHED.everywhere, verdict_pb2.Verdict, self._on_verdict)
        self._follower = Follower(bus, STATION.name, [route], lambda: self._position)

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
        if verdict.station not in self._known:
            raise Invalid(f"no station {verdict.station} in the plant file", field="station", fix="add it there")
        await self._show(verdict)
