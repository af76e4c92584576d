"""The REST API. Every endpoint wants a token; the schema itself is served at /v1/openapi.json."""

import asyncio
import json
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, File, Form, Query, Request, Response, UploadFile
from google.protobuf.timestamp_pb2 import Timestamp
from jidoka.frame.v1 import frame_pb2
from opentelemetry.trace import SpanKind

from services.chassis import telemetry
from services.chassis.auth import Principal
from services.chassis.errors import Denied, Invalid
from services.contracts.plant import Plant
from services.contracts.scopes import INSPECTION_SUBMIT, MODEL_READ, PRODUCT_WRITE, RESULT_READ
from services.gateway.adapters import golden_pictures, http_errors
from services.gateway.adapters.door import Door
from services.gateway.adapters.entrance import MOST_BYTES, Entrance
from services.gateway.adapters.frame_times import times
from services.gateway.adapters.http_errors import TooLarge
from services.gateway.adapters.queries import only_known_ones
from services.gateway.adapters.stored_verdicts import InspectionId, StationName, StoredVerdicts
from services.gateway.domain import View, aged
from services.gateway.ports import Inspection, Models, Products

_FORM_BYTES = 1 << 16  # what a form may have around its picture
_PRODUCT = re.compile(r"[A-Za-z0-9._-]{1,128}")


def create(
    plant: Plant,
    view: View,
    door: Door,
    inspection: Inspection,
    products: Products,
    models: Models,
    verdicts: StoredVerdicts,
    max_bytes: int,
    body_deadline_s: float = 10.0,
) -> FastAPI:
    """The application."""
    app = FastAPI(title="Jidoka gateway", version="1", openapi_url=None, dependencies=[Depends(only_known_ones)])
    http_errors.install(app)
    _trace(app)
    app.add_middleware(Entrance, door=door, deadline_s=body_deadline_s)
    _commands(app, plant, door, inspection, products, max_bytes)
    _views(app, view, door, models, verdicts)

    @app.get("/v1/openapi.json", dependencies=[door.needs(None)], include_in_schema=False)
    async def openapi() -> dict[str, Any]:
        return app.openapi()

    return app


def _trace(app: FastAPI) -> None:
    @app.middleware("http")
    async def traced(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        parent = telemetry.extract(request.headers)
        with telemetry.span(f"{request.method} {request.url.path}", SpanKind.SERVER, parent):
            return await call_next(request)


def _commands(
    app: FastAPI, plant: Plant, door: Door, inspection: Inspection, products: Products, max_bytes: int
) -> None:
    sizes = {(recipe.width_px, recipe.height_px) for recipe in plant.recipes}
    pictures = {MOST_BYTES: max_bytes + _FORM_BYTES}
    owners = {(p.site, p.line, p.station): station.camera_client for p, _, station in plant.stations()}

    @app.post("/v1/inspections", summary="Inspect one part", openapi_extra=pictures)
    async def inspect(
        image: Annotated[UploadFile, File(description="PNG or JPEG")],
        site: Annotated[str, Form()],
        line: Annotated[str, Form()],
        station: Annotated[str, Form()],
        lot_id: Annotated[str, Form()],
        part_sequence: Annotated[int, Form(ge=1, lt=1 << 64)],
        product_id: Annotated[str, Form()],
        caller: Annotated[Principal, door.needs(INSPECTION_SUBMIT)],
        shot: Annotated[dict[str, Timestamp], Depends(times)],
        recipe: Annotated[str, Form()] = "",
        inspection_id: Annotated[str, Form(description="keep it when you send again")] = "",
        context: Annotated[str, Form(description='where the part comes from: {"cavity": "7", "supplier": "A"}')] = "{}",
    ) -> dict[str, Any]:
        owner = owners.get((site, line, station))
        if owner is not None and caller.client != owner:
            raise Denied(f"{caller.client} may not submit for {site}/{line}/{station}", field="station")
        frame = frame_pb2.Frame(
            inspection_id=inspection_id or uuid.uuid4().hex,
            station=frame_pb2.StationPath(site=site, line=line, station=station),
            part=frame_pb2.PartRef(lot_id=lot_id, part_sequence=part_sequence, product_id=product_id),
            image=await _bounded(image, max_bytes),
            **shot,
            recipe=recipe,
            context=_context(context),
        )
        return await inspection.inspect(frame)

    @app.put("/v1/products/{product_id}/golden", summary="Register a golden template", openapi_extra=pictures)
    async def put_golden(
        product_id: str, image: Annotated[UploadFile, File()], _: Annotated[Principal, door.needs(PRODUCT_WRITE)]
    ) -> dict[str, str]:
        if not _PRODUCT.fullmatch(product_id):
            raise Invalid("must be 1 to 128 of A-Z a-z 0-9 . _ -", field="product_id")
        encoded = await _bounded(image, max_bytes)
        await asyncio.to_thread(golden_pictures.check, encoded, sizes)
        return {"productId": product_id, "sha256": await products.put_golden(product_id, encoded)}


def _views(app: FastAPI, view: View, door: Door, models: Models, verdicts: StoredVerdicts) -> None:
    read = [door.needs(RESULT_READ)]

    @app.get("/v1/lines", dependencies=read, summary="Every line: its state and its counts")
    async def lines() -> list[dict[str, Any]]:
        return [aged(line, time.time()) for line in view.lines.values()]

    @app.get("/v1/inspections", dependencies=read, summary="The newest verdicts")
    async def inspections(limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> list[dict[str, Any]]:
        return view.inspections.newest(limit)

    @app.get("/v1/inspections/{inspection_id}", dependencies=read, summary="One verdict")
    async def one_inspection(inspection_id: InspectionId, station: StationName = "") -> dict[str, Any]:
        return await verdicts.find(inspection_id, station)

    @app.get("/v1/workrequests", dependencies=read, summary="Work requests and how far they got")
    async def workrequests(limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> list[dict[str, Any]]:
        return view.workrequests.newest(limit)

    @app.get("/v1/models", dependencies=[door.needs(MODEL_READ)], summary="Models and how they do")
    async def served_models() -> list[dict[str, Any]]:
        return await models.list()


def _context(text: str) -> dict[str, str]:
    """Its bounds are preprocessing's to check, for frames by gRPC have them too."""
    try:
        found = json.loads(text)
        if isinstance(found, dict) and all(isinstance(value, str) for value in found.values()):
            "".join((*found, *found.values())).encode()  # half of a surrogate pair is no text
            return found
    except (ValueError, RecursionError):
        pass
    raise Invalid("is no JSON object of texts", field="context", fix='send {"cavity": "7"}, or nothing')


async def _bounded(upload: UploadFile, max_bytes: int) -> bytes:
    data = await upload.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise TooLarge(f"the image has more than {max_bytes} bytes", field="image", fix="send a smaller file")
    return data
