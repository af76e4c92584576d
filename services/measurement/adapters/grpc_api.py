"""MeasurementService: windows in, measurements out."""

from typing import Any

from jidoka.measurement.v1 import measurement_service_pb2, measurement_service_pb2_grpc

from services.chassis import telemetry
from services.chassis.auth import caller
from services.contracts.scopes import MEASUREMENT_SUBMIT
from services.measurement.adapters import wire
from services.measurement.handlers import Recorder

SCOPES = {"/jidoka.measurement.v1.MeasurementService/Record": MEASUREMENT_SUBMIT}


class MeasurementServicer(measurement_service_pb2_grpc.MeasurementServiceServicer):
    """The door for sensors."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    async def Record(  # noqa: N802
        self, request: measurement_service_pb2.RecordRequest, _: Any
    ) -> measurement_service_pb2.RecordResponse:
        """One window."""
        measured = await self._recorder.record(wire.window(request.window), caller.get().client)
        trace_id = telemetry.trace_id()
        return measurement_service_pb2.RecordResponse(
            measurements=[wire.measurement(each, trace_id) for each in measured]
        )
