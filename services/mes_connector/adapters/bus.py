"""Between the wire and the domain: work requests in, their ends out."""

from google.protobuf.timestamp_pb2 import Timestamp
from jidoka.frame.v1.frame_pb2 import StationPath
from jidoka.workrequest.v1 import workrequest_pb2 as wire

from services.chassis import telemetry
from services.chassis.bus import Bus
from services.chassis.errors import Invalid
from services.chassis.streams import Delivery, Route
from services.contracts.subjects import WORK_DEAD_LETTERED, WORK_OPENED, WORK_REQUESTED
from services.mes_connector.domain.order import Order, State
from services.mes_connector.domain.work_request import BadRequest, Kind, Place, WorkRequest
from services.mes_connector.handlers import Intake

_KINDS = {
    wire.WORK_REQUEST_KIND_MAINTENANCE: Kind.MAINTENANCE,
    wire.WORK_REQUEST_KIND_INTERNAL_QUALITY: Kind.INTERNAL_QUALITY,
    wire.WORK_REQUEST_KIND_SUPPLIER_QUALITY: Kind.SUPPLIER_QUALITY,
}


def work_request(message: wire.WorkRequested, delivery: Delivery) -> WorkRequest:
    """The domain's work request. Raises Invalid naming the field."""
    asked = (
        message.requested_at.ToNanoseconds() / 1e9
        if message.HasField("requested_at")
        else delivery.stored_at.timestamp()
    )
    try:
        if (kind := _KINDS.get(message.kind)) is None:
            raise BadRequest("kind", message.kind, "MAINTENANCE, INTERNAL_QUALITY or SUPPLIER_QUALITY")
        return WorkRequest(
            key=message.key,
            episode_id=message.episode_id,
            kind=kind,
            title=message.title,
            description=message.description,
            priority=message.priority,
            equipment_id=message.equipment_id,
            place=Place(message.station.site, message.station.line, message.station.station),
            rule_id=message.rule_id,
            defect_label=message.defect_label,
            lot_id=message.lot_id,
            first_part_sequence=message.first_part_sequence,
            last_part_sequence=message.last_part_sequence,
            inspection_ids=tuple(message.inspection_ids),
            trace_id=message.trace_id,
            requested_at=asked,
        )
    except BadRequest as error:
        raise Invalid(str(error), field=error.field, fix=error.fix) from error


def requests_to(intake: Intake) -> Route:
    """The route that gives every work request to the intake."""

    async def handler(message: wire.WorkRequested, delivery: Delivery) -> None:
        await intake.take(work_request(message, delivery), telemetry.inject().get("traceparent", ""))

    return Route(WORK_REQUESTED.everywhere, wire.WorkRequested, handler)


class BusHerald:
    """Publishes how an order ended, in the trace that asked for it."""

    def __init__(self, bus: Bus, system: str) -> None:
        self._bus = bus
        self._system = system

    async def announce(self, order: Order) -> None:
        """Say it; a repeat carries the same message id. Raises Unavailable."""
        request, place = order.request, order.request.place
        station = StationPath(site=place.site, line=place.line, station=place.station)
        ended_at = Timestamp()
        ended_at.FromNanoseconds(int(order.updated_at * 1e9))
        parent = telemetry.extract({"traceparent": order.traceparent})
        with telemetry.span("mes announce order", parent=parent, key=request.key, state=order.state.value):
            if order.state is State.SENT:
                opened = wire.WorkRequestOpened(
                    key=request.key,
                    episode_id=request.episode_id,
                    station=station,
                    system=self._system,
                    external_id=order.external_id,
                    opened_at=ended_at,
                )
                await self._bus.publish(WORK_OPENED.at(place), opened, f"{request.key}:opened")
            else:
                dead = wire.WorkRequestDeadLettered(
                    key=request.key,
                    station=station,
                    system=self._system,
                    reason=order.last_error,
                    dead_lettered_at=ended_at,
                )
                await self._bus.publish(WORK_DEAD_LETTERED.at(place), dead, f"{request.key}:dead-lettered")
