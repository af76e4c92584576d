"""InspectionService: frames in, verdicts out, one at a time or as a stream."""

from collections.abc import AsyncIterator
from typing import Any

from jidoka.frame.v1 import frame_pb2
from jidoka.inspection.v1 import inspection_service_pb2, inspection_service_pb2_grpc

from services.chassis import telemetry
from services.chassis.auth import caller
from services.chassis.errors import MeshError
from services.chassis.rpc import STATUS
from services.contracts.scopes import INSPECTION_SUBMIT
from services.preprocessing.domain.frame import Frame
from services.preprocessing.handlers import Inspector

_SERVICE = "/jidoka.inspection.v1.InspectionService"
SCOPES = {f"{_SERVICE}/Inspect": INSPECTION_SUBMIT, f"{_SERVICE}/InspectStream": INSPECTION_SUBMIT}
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
        verdict = await self._inspector.inspect(_frame(request.frame), caller.get().client)
        return inspection_service_pb2.InspectResponse(verdict=verdict)

    async def InspectStream(self, requests: AsyncIterator[Request], _: Any) -> AsyncIterator[Response]:  # noqa: N802
        """Frame after frame; a refused one is answered with its error and the stream goes on."""
        client = caller.get().client
        async for request in requests:
            yield await self._answer(request.frame, client)

    async def _answer(self, frame: frame_pb2.Frame, client: str) -> Response:
        with telemetry.span("inspect"):
            try:
                verdict = await self._inspector.inspect(_frame(frame), client)
                return Response(inspection_id=frame.inspection_id, verdict=verdict)
            except MeshError as error:
                refused = inspection_service_pb2.FrameError(
                    code=STATUS[type(error)].name, message=error.message, field=error.field, fix=error.fix
                )
                return Response(inspection_id=frame.inspection_id, error=refused)


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
        captured_at_s=frame.captured_at.ToMicroseconds() / 1e6,
        context=dict(frame.context),
    )
