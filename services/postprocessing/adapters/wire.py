"""Domain values to and from protobuf."""

from collections.abc import Callable, Iterator
from datetime import datetime

from jidoka.inspection.v1 import inspection_pb2
from jidoka.verdict.v1 import verdict_pb2

from services.contracts.instant import timestamp
from services.contracts.recipe import Recipe
from services.contracts.tolerance import Tolerance
from services.postprocessing.domain.adaptive import Rails
from services.postprocessing.domain.candidate import Candidate
from services.postprocessing.domain.limits import ClassLimits, Limits, Severity
from services.postprocessing.domain.proof import REQUIRED, gaps
from services.postprocessing.domain.verdict import Defect, Judgement, Outcome
from services.postprocessing.domain.zone import Zone

_OUTCOMES = {
    Outcome.PASS: verdict_pb2.OUTCOME_PASS,
    Outcome.FAIL: verdict_pb2.OUTCOME_FAIL,
    Outcome.INCONCLUSIVE: verdict_pb2.OUTCOME_INCONCLUSIVE,
}
_SEVERITIES = {
    Severity.MINOR: verdict_pb2.SEVERITY_MINOR,
    Severity.MAJOR: verdict_pb2.SEVERITY_MAJOR,
    Severity.CRITICAL: verdict_pb2.SEVERITY_CRITICAL,
}
Clock = Callable[[], datetime]
_WORTH_KEEPING = 0.05
"""Weaker candidates are most of them; they are kept only where a recipe doubts even those."""


def candidates(inspection: inspection_pb2.Inspection) -> list[Candidate]:
    """The boxes to judge."""
    return [Candidate(c.label, (c.x1_px, c.y1_px, c.x2_px, c.y2_px), c.score) for c in inspection.candidates]


def findings(inspection: inspection_pb2.Inspection) -> list[str]:
    """Why the picture, or the record of it, proves nothing: the quality gate's findings and what is not said."""
    said = [f"{f.code}: {f.measured:.4g}, limit {f.limit:.4g}" for f in inspection.quality_findings]
    return said + gaps({name: getattr(inspection.provenance, name) for name in REQUIRED})


def limits(recipe: Recipe, inspection: inspection_pb2.Inspection) -> Limits:
    """What the recipe tolerates of this part, wherever it lies."""
    return Limits(
        classes={label: _class_limits(said, recipe) for label, said in recipe.tolerances().items()},
        nms_iou=recipe.nms_iou,
        zones=tuple(Zone(z.name, z.kind == "critical", z.corners, frozenset(z.classes)) for z in recipe.zones),
        margin_px=recipe.extent.margin_px if recipe.extent else 0.0,
        offset_px=(inspection.offset.x_px, inspection.offset.y_px),
    )


def rails(recipe: Recipe) -> Rails | None:
    """How far its thresholds may move by themselves; None: not at all."""
    return Rails(**recipe.adaptive.model_dump()) if recipe.adaptive else None


def basis(inspection: inspection_pb2.Inspection, recipe: Recipe) -> str:
    """All that gives a score its meaning."""
    provenance = inspection.provenance
    return f"{recipe.version} {provenance.model_digest} {provenance.preprocessing_digest}"


def verdict(
    inspection: inspection_pb2.Inspection,
    judgement: Judgement,
    recipe: Recipe,
    used: Limits,
    rule_set_version: int,
    now: datetime,
) -> verdict_pb2.Verdict:
    """The decision with all that is needed to repeat it."""
    return verdict_pb2.Verdict(
        inspection_id=inspection.inspection_id,
        station=inspection.station,
        part=inspection.part,
        outcome=_OUTCOMES[judgement.outcome],
        defects=map(_defect, judgement.defects),
        reasons=judgement.reasons,
        recipe=recipe.name,
        recipe_version=recipe.version,
        rule_set_version=rule_set_version,
        provenance=inspection.provenance,
        captured_at=inspection.captured_at if inspection.HasField("captured_at") else None,
        taken_at=inspection.taken_at if inspection.HasField("taken_at") else None,
        late=inspection.late,
        judged_at=timestamp(now.timestamp()),
        timings=inspection.timings,
        context=inspection.context,
        limits=_class_limits_used(used, judgement),
        tolerated=map(_defect, judgement.tolerated),
        quality_findings=inspection.quality_findings,
        offset=inspection.offset,
        candidates=_kept(inspection, used),
    )


def _least(used: Limits) -> float:
    return min([_WORTH_KEEPING, *(each.inconclusive_from for each in used.classes.values())])


def _kept(inspection: inspection_pb2.Inspection, used: Limits) -> Iterator[inspection_pb2.Candidate]:
    """All that the judge can have looked at: strange ones have no score that is too low."""
    for said, read in zip(inspection.candidates, candidates(inspection), strict=True):
        if read.score >= _least(used) or not read.sound or read.label not in used.classes:
            yield said


def _class_limits(said: Tolerance, recipe: Recipe) -> ClassLimits:
    doubt = said.inconclusive_from
    return ClassLimits(
        threshold=said.threshold,
        inconclusive_from=max(0.0, said.threshold - recipe.inconclusive_band) if doubt is None else doubt,
        min_side_px=said.min_side_px,
        min_area_px2=said.min_area_px2,
        allowed=said.allowed,
        severity=Severity[said.severity.upper()],
    )


def _class_limits_used(used: Limits, judgement: Judgement) -> list[verdict_pb2.ClassLimit]:
    return [
        verdict_pb2.ClassLimit(
            label=label,
            threshold=each.threshold,
            inconclusive_from=each.inconclusive_from,
            best_score=best if (best := judgement.best_scores.get(label, 0.0)) >= _least(used) else 0.0,
        )
        for label, each in sorted(used.classes.items())
    ]


def _defect(defect: Defect) -> verdict_pb2.Defect:
    found = defect.candidate
    x1, y1, x2, y2 = found.box
    return verdict_pb2.Defect(
        label=found.label,
        x1_px=x1,
        y1_px=y1,
        x2_px=x2,
        y2_px=y2,
        score=found.score,
        area_px2=found.area_px2,
        severity=_SEVERITIES[defect.severity],
        zone=defect.zone,
    )
