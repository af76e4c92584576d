"""Asking postprocessing for the verdict."""

import grpc
from jidoka.frame.v1 import frame_pb2
from jidoka.inspection.v1 import inspection_pb2
from jidoka.verdict.v1 import verdict_pb2, verdict_service_pb2, verdict_service_pb2_grpc

from services.chassis import rpc
from services.chassis.auth import TokenSource
from services.contracts.instant import timestamp
from services.preprocessing.domain.frame import Seen


class RemoteJudge:
    """VerdictService over gRPC."""

    def __init__(self, channel: grpc.aio.Channel, token: TokenSource, deadline_s: float) -> None:
        self._channel = channel
        self._stub = verdict_service_pb2_grpc.VerdictServiceStub(channel)
        self._token = token
        self._deadline_s = deadline_s

    async def start(self) -> None:
        """Nothing to do before the first call."""

    async def stop(self) -> None:
        """Close the channel."""
        await self._channel.close()

    async def judge(self, seen: Seen) -> verdict_pb2.Verdict:
        """The durable verdict. Raises Conflict for another picture under a used id, or Unavailable."""
        request = verdict_service_pb2.JudgeRequest(inspection=to_wire(seen))
        answer = await rpc.call(
            self._stub.Judge, request, deadline_s=self._deadline_s, token=self._token, name="ask for the verdict"
        )
        verdict: verdict_pb2.Verdict = answer.verdict
        return verdict


def to_wire(seen: Seen) -> inspection_pb2.Inspection:
    """What was seen, as postprocessing wants it."""
    frame = seen.frame
    inspection = inspection_pb2.Inspection(
        inspection_id=frame.inspection_id,
        station=frame_pb2.StationPath(site=frame.site, line=frame.line, station=frame.station),
        part=frame_pb2.PartRef(
            lot_id=frame.lot_id,
            part_sequence=frame.part_sequence,
            product_id=frame.product_id,
            previous_lot_parts=frame.previous_lot_parts,
        ),
        recipe=frame.recipe,
        provenance=inspection_pb2.Provenance(
            image_sha256=seen.image_sha256,
            golden_sha256=seen.golden_sha256,
            model_name=seen.model.name,
            model_version=seen.model.version,
            model_digest=seen.model.digest,
            preprocessing_digest=seen.preprocessing_digest,
        ),
        captured_at=timestamp(frame.captured_at_s) if frame.captured_at_s else None,
        taken_at=timestamp(frame.taken_at_s),
        late=frame.late,
        context=frame.context,
        offset=inspection_pb2.Offset(x_px=seen.offset_px[0], y_px=seen.offset_px[1]),
    )
    for c in seen.candidates:
        inspection.candidates.add(label=c.label, x1_px=c.x1, y1_px=c.y1, x2_px=c.x2, y2_px=c.y2, score=c.score)
    for f in seen.findings:
        inspection.quality_findings.add(code=f.code, measured=f.measured, limit=f.limit)
    for stage, duration_ms in seen.timings_ms.items():
        inspection.timings.add(stage=stage, duration_ms=duration_ms)
    return inspection
