"""What the mesh says to us, in the domain's words."""

from jidoka.workrequest.v1 import workrequest_pb2 as wire

from services.chassis import telemetry
from services.chassis.errors import Invalid
from services.chassis.streams import Delivery, Route
from services.contracts.instant import seconds
from services.contracts.subjects import WORK_REPORTED, WORK_REQUESTED, WORK_REQUEUED, WORK_UPDATED
from services.mes_connector.adapters.evidence import Gallery, links
from services.mes_connector.domain.progress import Note, Progress, Status
from services.mes_connector.domain.work_request import BadRequest, Cause, Kind, Place, WorkRequest
from services.mes_connector.handlers.intake import Intake

_KINDS = {
    wire.WORK_REQUEST_KIND_MAINTENANCE: Kind.MAINTENANCE,
    wire.WORK_REQUEST_KIND_INTERNAL_QUALITY: Kind.INTERNAL_QUALITY,
    wire.WORK_REQUEST_KIND_SUPPLIER_QUALITY: Kind.SUPPLIER_QUALITY,
}
_STATUSES = {
    wire.ORDER_STATUS_OPEN: Status.OPEN,
    wire.ORDER_STATUS_IN_PROGRESS: Status.IN_PROGRESS,
    wire.ORDER_STATUS_COMPLETED: Status.COMPLETED,
    wire.ORDER_STATUS_CANCELLED: Status.CANCELLED,
}
_NOWHERE = Gallery()
_LONGEST_NOTE = 2_000  # characters


def work_request(message: wire.WorkRequested, delivery: Delivery, gallery: Gallery = _NOWHERE) -> WorkRequest:
    """The domain's work request. Raises Invalid naming the field."""
    asked = seconds(message.requested_at) if message.HasField("requested_at") else delivery.stored_at.timestamp()
    causes = tuple(Cause(each.kind, each.value, each.confidence, each.evidence) for each in message.causes)
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
            due_at=seconds(message.due_at),
            failure_code=message.defect_label,
            cause_code=causes[0].kind if causes else "",
            material=message.scope.get("material", ""),
            supplier=message.scope.get("supplier", ""),
            statistic=message.statistic,
            limit=message.limit,
            scope=tuple(sorted(message.scope.items())),
            causes=causes,
            evidence=links(message, gallery),
        )
    except BadRequest as error:
        raise Invalid(str(error), field=error.field, fix=error.fix) from error


def routes(intake: Intake, system: str, gallery: Gallery = _NOWHERE) -> list[Route]:
    """What the intake hears; `system` is the plant file's name of the MES, `gallery` where people see pictures."""

    async def requested(message: wire.WorkRequested, delivery: Delivery) -> None:
        await intake.take(work_request(message, delivery, gallery), telemetry.inject().get("traceparent", ""))

    async def updated(message: wire.WorkRequestUpdated, delivery: Delivery) -> None:
        at = seconds(message.updated_at) or delivery.stored_at.timestamp()
        # A replay says the same signal again, perhaps beyond the broker's memory of ids.
        note = Note(f"{message.episode_id}-note-{message.signals}", message.text[:_LONGEST_NOTE], at)
        await intake.note(message.episode_id, note)

    async def requeued(message: wire.WorkRequestRequeued, _: Delivery) -> None:
        await intake.requeue(message.key, message.requeued_by)

    async def reported(message: wire.WorkRequestReported, _: Delivery) -> None:
        if (status := _STATUSES.get(message.status)) is None:
            raise Invalid("is not said", field="status", fix="OPEN, IN_PROGRESS, COMPLETED or CANCELLED")
        at = seconds(message.reported_at)
        if message.system == system:
            await intake.reported(Progress(message.key, "", status, at, message.remark))

    return [
        Route(WORK_REQUESTED.everywhere, wire.WorkRequested, requested),
        Route(WORK_UPDATED.everywhere, wire.WorkRequestUpdated, updated),
        Route(WORK_REQUEUED.everywhere, wire.WorkRequestRequeued, requeued),
        Route(WORK_REPORTED.everywhere, wire.WorkRequestReported, reported),
    ]
