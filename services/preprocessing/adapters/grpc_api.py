"""InspectionService: frames in, verdicts out, one at a time or as a stream."""

from collections.abc import AsyncIterator
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from jidoka.frame.v1 import frame_pb2
from jidoka.inspection.v1 import inspection_service_pb2, inspection_service_pb2_grpc
from prometheus_client import Counter

from services.chassis import telemetry
from services.chassis.auth import caller
from services.chassis.errors import Invalid, MeshError
from services.chassis.rpc import STATUS
from services.contracts.scopes import INSPECTION_SUBMIT
from services.preprocessing.domain.frame import Frame
from services.preprocessing.handlers import Inspector

_SERVICE = "/jidoka.inspection.v1.InspectionService"
SCOPES = {f"{_SERVICE}/Inspect": INSPECTION_SUBMIT, f"{_SERVICE}/InspectStream": INSPECTION_SUBMIT}
REFUSED = Counter("jidoka_frames_refused", "Frames that got no verdict, by the kind of error", ["why"])
Request = inspection_service_pb2.InspectStreamRequest
Response = inspection_service_pb2.InspectStreamResponse


class InspectionServicer(inspection_service_pb2_grpc.InspectionServiceServicer):
    """The door for frames."""

    def __init__(self, inspector: Inspector) -> None:
        self._inspector = inspector

    async def Inspect(  # noqa: N802
        self, request: inspection_service_pb2.InspectRequest, _: Any
    ) -> inspection_service_pb2.InspectResponse:
        """One frame."""
        verdict = await self._verdict(request.frame, caller.get().client)
        return inspection_service_pb2.InspectResponse(verdict=verdict)

    async def InspectStream(self, requests: AsyncIterator[Request], _: Any) -> AsyncIterator[Response]:  # noqa: N802
        """Frame after frame; a refused one is answered with its error and the stream goes on."""
        client = caller.get().client
        async for request in requests:
            yield await self._answer(request.frame, client)

    async def _verdict(self, frame: frame_pb2.Frame, client: str) -> Any:
        try:
            return await self._inspector.inspect(_frame(frame), client)
        except MeshError as error:
            REFUSED.labels(error.kind).inc()
            raise

    async def _answer(self, frame: frame_pb2.Frame, client: str) -> Response:
        with telemetry.span("inspect"):
            try:
                return Response(inspection_id=frame.inspection_id, verdict=await self._verdict(frame, client))
            except MeshError as error:
                refused = inspection_service_pb2.FrameError(
                    code=STATUS[type(error)].name, message=error.message, field=error.field, fix=error.fix
                )
                return Response(inspection_id=frame.inspection_id, error=refused)


_FIRST_S, _LAST_S = -62_135_596_800, 253_402_300_799  # the years 1 to 9999
_DAY_S = 86_400  # at both ends, for a float there is not exact


def _seconds(field: str, stamp: Timestamp) -> float:
    """Seconds of the epoch; 0: not said. Raises Invalid for what is no time (nobody checks it on the wire)."""
    if not (_FIRST_S + _DAY_S <= stamp.seconds <= _LAST_S - _DAY_S and 0 <= stamp.nanos < 10**9):
        fix = "send a google.protobuf.Timestamp of the years 1 to 9999, or none"
        raise Invalid("is no point in time", field=f"frame.{field}", fix=fix)
    return stamp.ToMicroseconds() / 1e6


def _frame(frame: frame_pb2.Frame) -> Frame:
    return Frame(
        inspection_id=frame.inspection_id,
        site=frame.station.site,
        line=frame.station.line,
        station=frame.station.station,
        lot_id=frame.part.lot_id,
        part_sequence=frame.part.part_sequence,
        product_id=frame.part.product_id,
        previous_lot_parts=frame.part.previous_lot_parts,
        recipe=frame.recipe,
        image=frame.image,
        captured_at_s=_seconds("captured_at", frame.captured_at),
        sent_at_s=_seconds("sent_at", frame.sent_at),
        context=dict(frame.context),
    )
