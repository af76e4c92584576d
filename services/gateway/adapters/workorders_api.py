"""Orders in the MES: a person has a dead one tried again, and the MES reports where one stands."""

from typing import Annotated, Literal

from fastapi import FastAPI, Path, Request
from jidoka.workrequest.v1 import workrequest_pb2 as wire
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.chassis.auth import Principal
from services.chassis.bus import Bus
from services.chassis.errors import Conflict, Invalid, NotFound
from services.contracts.instant import now
from services.contracts.plant import Place
from services.contracts.scopes import WORKORDER_REQUEUE
from services.contracts.subjects import WORK_REPORTED, WORK_REQUEUED
from services.gateway.adapters.door import Door
from services.gateway.adapters.entrance import SIGNED_BODY
from services.gateway.adapters.signatures import Seal
from services.gateway.domain import View

_ANYWHERE = Place("all", "all", "all")
_MOST_BYTES = 1 << 16
_KEY = r"^[A-Za-z0-9._:-]{1,128}$"


class Report(BaseModel):
    """What an MES reports; whatever else is in it is left aside."""

    model_config = ConfigDict(extra="ignore")

    external_reference: str = Field(pattern=_KEY)
    """Our key, as it stands in the order."""
    status: Literal["open", "in_progress", "completed", "cancelled"]
    remark: str = Field(default="", max_length=2_000)


def install(app: FastAPI, view: View, door: Door, bus: Bus, system: str, seal: Seal | None) -> None:
    """The endpoints; without a seal the MES may not report."""

    @app.post("/v1/workorders/{key}/requeue", status_code=202, summary="Try a dead order again")
    async def requeue(
        key: Annotated[str, Path(pattern=_KEY)], caller: Annotated[Principal, door.needs(WORKORDER_REQUEUE)]
    ) -> dict[str, str]:
        known = view.workrequests.get(key)
        if known is None:
            raise NotFound(f"no work request {key!r} among the newest", field="key", fix="see /v1/workrequests")
        if known["status"] != "DEAD_LETTERED":
            raise Conflict(
                f"work request {key} is {known['status']}", field="key", fix="only dead ones are tried again"
            )
        message = wire.WorkRequestRequeued(key=key, requeued_by=caller.subject, requeued_at=now())
        # An order may die more than once; the same death is taken back once.
        msg_id = f"{key}:requeued:{known['deadLetteredAt']}"
        await bus.publish(WORK_REQUEUED.at(_ANYWHERE), message, msg_id)
        return {"key": key, "requeuedBy": caller.subject}

    if seal is not None:
        _take_reports(app, bus, system, seal)


def _take_reports(app: FastAPI, bus: Bus, system: str, seal: Seal) -> None:
    @app.post(
        "/v1/mes/{name}/progress",
        status_code=202,
        summary="The MES reports where an order stands (signed)",
        openapi_extra=SIGNED_BODY,
    )
    async def report(name: str, request: Request) -> dict[str, str]:
        body = await _bounded(request)
        seal.check(request.headers, body)
        if name != system:
            raise NotFound(f"no MES {name!r}", field="name", fix=f"known: {system}")
        try:
            said = Report.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            field = ".".join(map(str, first["loc"])) or "body"
            raise Invalid(first["msg"], field=field, fix="see the API's schema") from error
        message = wire.WorkRequestReported(
            key=said.external_reference,
            system=system,
            status=f"ORDER_STATUS_{said.status.upper()}",
            remark=said.remark,
            reported_at=now(),
        )
        # Signed words are one fact however often they are sent.
        await bus.publish(WORK_REPORTED.at(_ANYWHERE), message, request.headers["X-Jidoka-Signature"])
        return {"externalReference": said.external_reference, "status": said.status}


async def _bounded(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise Invalid(f"more than {_MOST_BYTES} bytes", field="body", fix="send one order's status")
    return bytes(body)
