"""Between the wire's messages and the domain's words."""

import os
import socket
from collections.abc import Awaitable, Callable

from google.protobuf.timestamp_pb2 import Timestamp
from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2

from services.chassis.errors import Invalid
from services.chassis.streams import Delivery
from services.contracts.instant import seconds, timestamp
from services.contracts.plant import Place
from services.opcua_bridge.domain.line import LineName, PauseRequest, StationName
from services.opcua_bridge.ports import ShownVerdict

WHO = f"{socket.gethostname()}:{os.getpid()}"
_VERDICTS = {verdict_pb2.OUTCOME_PASS: "PASS", verdict_pb2.OUTCOME_FAIL: "FAIL"}  # anything else is INCONCLUSIVE


def pauses(
    carry_out: Callable[..., Awaitable[None]], line: LineName, first_station: str
) -> Callable[[line_pb2.PauseRequested, Delivery], Awaitable[None]]:
    """A bus handler that gives each request to `carry_out` for `line`. Raises Invalid for an unfit one."""

    async def handle(message: line_pb2.PauseRequested, delivery: Delivery) -> None:
        needed = {"request_id": message.request_id, "episode_id": message.episode_id}
        for field, given in {**needed, "expires_at": message.HasField("expires_at")}.items():
            if not given:
                raise Invalid("a pause request needs it", field=field, fix="fill it in")
        asked_by = station_name(message.station)
        request = PauseRequest(
            request_id=message.request_id,
            episode_id=message.episode_id,
            station=asked_by if asked_by.line == line else StationName(line, first_station),
            text=message.text,
            first_part=message.first_part_sequence,
            last_part=message.last_part_sequence,
            expires_at_s=_end(message, delivery),
            sequence=delivery.sequence,
            asked_by=asked_by,
            rule_id=message.rule_id,
            defect_label=message.defect_label,
            born=delivery.born,
        )
        await carry_out(request, redelivered=delivery.redelivered)

    return handle


def _end(message: line_pb2.PauseRequested, delivery: Delivery) -> float:
    """When nobody may execute the request any more, in seconds of the broker's clock (B13).

    As long as the rules gave it from when the broker stored it, whatever clock the judge has; and no longer than they
    said, for they may have been away and fold now what happened long ago.
    """
    said = seconds(message.expires_at)
    if not message.HasField("requested_at"):
        return said
    return min(said, delivery.stored_at.timestamp() + said - seconds(message.requested_at))


def shown(message: verdict_pb2.Verdict) -> ShownVerdict:
    """A verdict as SCADA shows it: the defect with the highest score stands for all."""
    worst = max(message.defects, key=lambda defect: defect.score, default=verdict_pb2.Defect())
    return ShownVerdict(
        station=station_name(message.station),
        outcome=_VERDICTS.get(message.outcome, "INCONCLUSIVE"),
        label=worst.label,
        score=worst.score,
        part_id=f"{message.part.lot_id}/{message.part.part_sequence}",
        inspection_id=message.inspection_id,
        judged_at=seconds(message.judged_at),
        captured_at=seconds(message.captured_at) if message.HasField("captured_at") else 0.0,
        product=message.part.product_id,
        recipe=message.recipe,
        recipe_version=message.recipe_version,
        rule_set_version=message.rule_set_version,
        model_digest=message.provenance.model_digest,
        reasons=tuple(message.reasons),
        camera_skew_s=_camera_skew_s(message),
        late=message.late,
    )


def _camera_skew_s(message: verdict_pb2.Verdict) -> float:
    if not (message.HasField("captured_at") and message.HasField("taken_at")):
        return 0.0
    return seconds(message.captured_at) - seconds(message.taken_at)


def station_name(path: frame_pb2.StationPath) -> StationName:
    """The wire's path as a name."""
    return StationName(LineName(path.site, path.line), path.station)


def path_of(name: StationName) -> frame_pb2.StationPath:
    """A name as the wire's path."""
    return frame_pb2.StationPath(site=name.line.site, line=name.line.line, station=name.station)


def place_of(name: StationName) -> Place:
    """A name as a place of the subject table."""
    return Place(name.line.site, name.line.line, name.station)


def whole(line: LineName) -> Place:
    """Where a fact about a line as a whole is said."""
    return Place(line.site, line.line, "all")


def timestamp_of(at: float | None) -> Timestamp | None:
    """The wire's timestamp; None where it did not come to that."""
    return None if at is None else timestamp(at)
