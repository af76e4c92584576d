"""Domain values to and from protobuf."""

from collections.abc import Callable
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from jidoka.frame.v1 import frame_pb2
from jidoka.inspection.v1 import inspection_pb2
from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2
from jidoka.workrequest.v1 import workrequest_pb2

from services.contracts.recipe import Recipe
from services.postprocessing.domain.order import Part
from services.postprocessing.domain.rules import Pause, WorkOrder
from services.postprocessing.domain.verdict import Candidate, Judgement, Limits, Outcome

_OUTCOMES = {
    Outcome.PASS: verdict_pb2.OUTCOME_PASS,
    Outcome.FAIL: verdict_pb2.OUTCOME_FAIL,
    Outcome.INCONCLUSIVE: verdict_pb2.OUTCOME_INCONCLUSIVE,
}
Clock = Callable[[], datetime]


def timestamp(seconds: float) -> Timestamp:
    """Seconds since the epoch as a protobuf timestamp."""
    stamp = Timestamp()
    stamp.FromDatetime(datetime.fromtimestamp(seconds, UTC))
    return stamp


def candidates(inspection: inspection_pb2.Inspection) -> list[Candidate]:
    """The boxes to judge."""
    return [Candidate(c.label, (c.x1_px, c.y1_px, c.x2_px, c.y2_px), c.score) for c in inspection.candidates]


def findings(inspection: inspection_pb2.Inspection) -> list[str]:
    """The quality gate's findings as sentences."""
    return [f"{f.code}: {f.measured:.4g}, limit {f.limit:.4g}" for f in inspection.quality_findings]


def limits(recipe: Recipe) -> Limits:
    """What the recipe tolerates."""
    return Limits(recipe.thresholds, recipe.inconclusive_band, recipe.nms_iou)


def verdict(
    inspection: inspection_pb2.Inspection, judgement: Judgement, recipe: Recipe, rule_set_version: int, now: datetime
) -> verdict_pb2.Verdict:
    """The decision with all that is needed to repeat it."""
    result = verdict_pb2.Verdict(
        inspection_id=inspection.inspection_id,
        station=inspection.station,
        part=inspection.part,
        outcome=_OUTCOMES[judgement.outcome],
        reasons=judgement.reasons,
        recipe=recipe.name,
        recipe_version=recipe.version,
        rule_set_version=rule_set_version,
        provenance=inspection.provenance,
        captured_at=inspection.captured_at,
        judged_at=timestamp(now.timestamp()),
        timings=inspection.timings,
    )
    for d in judgement.defects:
        x1, y1, x2, y2 = d.box
        result.defects.add(label=d.label, x1_px=x1, y1_px=y1, x2_px=x2, y2_px=y2, score=d.score, area_px2=d.area_px2)
    return result


def part(message: verdict_pb2.Verdict) -> Part:
    """A verdict as the rules see it."""
    proven = message.outcome in {verdict_pb2.OUTCOME_PASS, verdict_pb2.OUTCOME_FAIL}
    labels = tuple(sorted({defect.label for defect in message.defects}))
    return Part(
        inspection_id=message.inspection_id,
        lot=message.part.lot_id,
        sequence=message.part.part_sequence,
        labels=labels if proven else None,
        captured_at_s=message.captured_at.ToMicroseconds() / 1e6,
        judged_at_s=message.judged_at.ToMicroseconds() / 1e6,
    )


def pause_requested(action: Pause, station: frame_pb2.StationPath) -> line_pb2.PauseRequested:
    """The pause request; its times are the verdict's, so a re-emission after a crash is no fresher than the first."""
    rule, run, last = action.rule, action.run, action.part
    return line_pb2.PauseRequested(
        request_id=action.request_id,
        episode_id=action.episode.id,
        attempt=action.episode.attempt,
        station=station,
        rule_id=rule.id,
        defect_label=action.episode.label,
        text=f"{run.length} parts in a row with {action.episode.label}",
        lot_id=last.lot,
        first_part_sequence=run.first_sequence,
        last_part_sequence=last.sequence,
        requested_at=timestamp(last.judged_at_s),
        expires_at=timestamp(last.judged_at_s + rule.pause_ttl_s),
    )


def work_requested(
    action: WorkOrder, station: frame_pb2.StationPath, equipment_id: str, trace_id: str
) -> workrequest_pb2.WorkRequested:
    """The maintenance request for an episode; the episode's id is the key, so one incident is one order."""
    label, run, last = action.episode.label, action.run, action.part
    where = f"{station.line}/{station.station}"
    return workrequest_pb2.WorkRequested(
        key=action.episode.id,
        episode_id=action.episode.id,
        kind=workrequest_pb2.WORK_REQUEST_KIND_MAINTENANCE,
        title=f"{label}: {run.length} parts in a row at {where}",
        description=(
            f"Rule {action.rule.id} found {run.length} consecutive parts with the defect '{label}' at {where}, "
            f"lot {last.lot}, parts {run.first_sequence} to {last.sequence}. The line was asked to hold."
        ),
        priority=2,
        equipment_id=f"{equipment_id}/{station.station}",
        station=station,
        rule_id=action.rule.id,
        defect_label=label,
        lot_id=last.lot,
        first_part_sequence=run.first_sequence,
        last_part_sequence=last.sequence,
        inspection_ids=run.inspections,
        trace_id=trace_id,
        requested_at=timestamp(last.judged_at_s),
    )
