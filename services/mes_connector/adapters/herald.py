"""Says to the mesh what became of orders."""

from jidoka.frame.v1.frame_pb2 import StationPath
from jidoka.workrequest.v1 import workrequest_pb2 as wire

from services.chassis import telemetry
from services.chassis.bus import Bus
from services.contracts.instant import timestamp
from services.contracts.subjects import WORK_CANCELLED, WORK_COMPLETED, WORK_DEAD_LETTERED, WORK_OPENED
from services.mes_connector.domain.order import Order, State
from services.mes_connector.domain.progress import Progress, Status


class BusHerald:
    """Publishes in the trace that asked for the order; a repeat carries the same message id."""

    def __init__(self, bus: Bus, system: str) -> None:
        self._bus = bus
        self._system = system

    async def announce(self, order: Order) -> None:
        """It stands in the MES, or is dead. Raises Unavailable."""
        request = order.request
        parent = telemetry.extract({"traceparent": order.traceparent})
        with telemetry.span("mes announce order", parent=parent, key=request.key, state=order.state.value):
            if order.state is State.SENT:
                opened = wire.WorkRequestOpened(
                    key=request.key,
                    episode_id=request.episode_id,
                    station=_station(order),
                    system=self._system,
                    external_id=order.external_id,
                    opened_at=timestamp(order.updated_at),
                )
                await self._bus.publish(WORK_OPENED.at(request.place), opened, f"{request.key}:opened")
                return
            dead = wire.WorkRequestDeadLettered(
                key=request.key,
                station=_station(order),
                system=self._system,
                reason=order.last_error,
                dead_lettered_at=timestamp(order.updated_at),
            )
            # An order that was tried again may die again.
            msg_id = f"{request.key}:dead-lettered:{order.attempts}"
            await self._bus.publish(WORK_DEAD_LETTERED.at(request.place), dead, msg_id)

    async def ended(self, order: Order, progress: Progress) -> None:
        """It was completed, or will never be. Raises Unavailable."""
        request = order.request
        parent = telemetry.extract({"traceparent": order.traceparent})
        with telemetry.span("mes announce end", parent=parent, key=request.key, status=progress.status.value):
            if progress.status is Status.COMPLETED:
                completed = wire.WorkRequestCompleted(
                    key=request.key,
                    episode_id=request.episode_id,
                    station=_station(order),
                    system=self._system,
                    external_id=order.external_id,
                    completed_at=timestamp(progress.changed_at),
                    remark=progress.remark,
                )
                await self._bus.publish(WORK_COMPLETED.at(request.place), completed, f"{request.key}:completed")
                return
            cancelled = wire.WorkRequestCancelled(
                key=request.key,
                episode_id=request.episode_id,
                station=_station(order),
                system=self._system,
                external_id=order.external_id,
                deleted=progress.status is Status.GONE,
                remark=progress.remark,
                cancelled_at=timestamp(progress.changed_at),
            )
            await self._bus.publish(WORK_CANCELLED.at(request.place), cancelled, f"{request.key}:cancelled")


def _station(order: Order) -> StationPath:
    place = order.request.place
    return StationPath(site=place.site, line=place.line, station=place.station)
