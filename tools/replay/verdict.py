"""A verdict derived again, by the judge's own code, from what stands on it."""

from dataclasses import replace

from jidoka.inspection.v1 import inspection_pb2
from jidoka.verdict.v1 import verdict_pb2

from services.contracts.plant import Plant
from services.contracts.recipe import Recipe
from services.postprocessing.adapters import wire
from services.postprocessing.domain.limits import Limits
from services.postprocessing.domain.verdict import judge
from tools.replay.difference import differences

_NOT_DERIVED = ("timings",)
"""How long it took is no part of the decision."""


def again(stored: verdict_pb2.Verdict, plant: Plant) -> list[str]:
    """Where the verdict differs from the one derived again; empty: identical. Raises ValueError without its recipe."""
    recipe = plant.recipe(stored.recipe)
    if recipe is None or recipe.version != stored.recipe_version:
        has = f"version {recipe.version}" if recipe else "no such recipe"
        raise ValueError(
            f"the verdict was reached by recipe {stored.recipe} version {stored.recipe_version}, the plant file has "
            f"{has}: give the plant file of that time with --plant"
        )
    inspection = _inspection(stored)
    limits = _limits(stored, recipe, inspection)
    judgement = judge(wire.candidates(inspection), wire.findings(inspection), limits)
    judged_at = stored.judged_at.ToDatetime()
    derived = wire.verdict(inspection, judgement, recipe, limits, stored.rule_set_version, judged_at)
    derived.judged_at.CopyFrom(stored.judged_at)
    return differences(stored, derived, _NOT_DERIVED)


def _inspection(stored: verdict_pb2.Verdict) -> inspection_pb2.Inspection:
    times = {name: getattr(stored, name) for name in ("captured_at", "taken_at") if stored.HasField(name)}
    return inspection_pb2.Inspection(
        inspection_id=stored.inspection_id,
        station=stored.station,
        part=stored.part,
        recipe=stored.recipe,
        candidates=stored.candidates,
        quality_findings=stored.quality_findings,
        provenance=stored.provenance,
        late=stored.late,
        context=stored.context,
        offset=stored.offset,
        **times,
    )


def _limits(stored: verdict_pb2.Verdict, recipe: Recipe, inspection: inspection_pb2.Inspection) -> Limits:
    """The recipe's, with the thresholds that held for this part: an adaptive one had perhaps moved."""
    limits = wire.limits(recipe, inspection)
    if recipe.adaptive is None:
        return limits
    moved = {
        each.label: replace(
            limits.classes[each.label], threshold=each.threshold, inconclusive_from=each.inconclusive_from
        )
        for each in stored.limits
        if each.label in limits.classes
    }
    return replace(limits, classes={**limits.classes, **moved})
