"""Domain values to and from protobuf."""

from collections.abc import Callable
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from jidoka.inspection.v1 import inspection_pb2
from jidoka.verdict.v1 import verdict_pb2

from services.contracts.recipe import Recipe
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
