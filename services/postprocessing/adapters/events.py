"""The rules' side of the broker: what they hear, and where their actions go."""

from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2

from services.chassis import telemetry
from services.chassis.bus import Bus
from services.chassis.errors import Invalid
from services.chassis.streams import Delivery, Route
from services.contracts.plant import Place, Plant
from services.contracts.subjects import (
    LINE_RESUMED,
    PAUSE_REQUESTED,
    PAUSE_SETTLED,
    VERDICT_REACHED,
    WORK_REQUESTED,
)
from services.postprocessing.adapters import wire
from services.postprocessing.domain.rules import Action, Pause
from services.postprocessing.handlers import RuleKeeper

_WORTH_A_RETRY = {line_pb2.PAUSE_OUTCOME_EXPIRED, line_pb2.PAUSE_OUTCOME_ACK_TIMEOUT, line_pb2.PAUSE_OUTCOME_LINK_DOWN}


def routes(keeper: RuleKeeper) -> list[Route]:
    """What the rules fold, in the one order of the STATION stream."""

    async def verdict(message: verdict_pb2.Verdict, delivery: Delivery) -> None:
        await keeper.on_verdict(_place(message.station), wire.part(message), delivery.sequence)

    async def settled(message: line_pb2.PauseSettled, delivery: Delivery) -> None:
        confirmed = message.outcome == line_pb2.PAUSE_OUTCOME_CONFIRMED
        retry = message.outcome in _WORTH_A_RETRY
        place = _place(message.station)
        await keeper.on_settled(place, message.episode_id, delivery.sequence, confirmed=confirmed, retry=retry)

    async def resumed(message: line_pb2.LineResumed, delivery: Delivery) -> None:
        resumed_at_s = message.resumed_at.ToMicroseconds() / 1e6
        await keeper.on_resumed(_place(message.station), message.episode_id, resumed_at_s, delivery.sequence)

    return [
        Route(VERDICT_REACHED.everywhere, verdict_pb2.Verdict, verdict),
        Route(PAUSE_SETTLED.everywhere, line_pb2.PauseSettled, settled),
        Route(LINE_RESUMED.everywhere, line_pb2.LineResumed, resumed),
    ]


def _place(station: frame_pb2.StationPath) -> str:
    return str(Place(station.site, station.line, station.station))


class BusActions:
    """Says what a fired rule wants, under an id that the same incident always gets."""

    def __init__(self, bus: Bus, plant: Plant) -> None:
        self._bus = bus
        self._equipment = {str(place): line.equipment_id for place, line, _ in plant.stations()}

    async def emit(self, place: str, action: Action) -> None:
        """Publish the request. Raises Unavailable; Invalid for a station that the plant file no longer names."""
        if place not in self._equipment:
            raise Invalid(f"the plant has no station {place} any more", field="station")
        site, line, station = place.split("/")
        at = frame_pb2.StationPath(site=site, line=line, station=station)
        if isinstance(action, Pause):
            request = wire.pause_requested(action, at)
            await self._bus.publish(PAUSE_REQUESTED.at(at), request, request.request_id)
        else:
            order = wire.work_requested(action, at, self._equipment[place], telemetry.trace_id())
            await self._bus.publish(WORK_REQUESTED.at(at), order, order.key)
