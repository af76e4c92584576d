"""VerdictService: judge one inspection and answer only when the broker has stored the verdict."""

from collections.abc import Callable
from typing import Any

from jidoka.inspection.v1 import inspection_pb2
from jidoka.verdict.v1 import verdict_pb2, verdict_service_pb2, verdict_service_pb2_grpc

from services.chassis.bus import Bus
from services.chassis.errors import Invalid, NotFound
from services.chassis.telemetry import Stopwatch
from services.contracts import context
from services.contracts.mistake import Mistake
from services.contracts.plant import Plant
from services.contracts.recipe import Recipe
from services.contracts.scopes import VERDICT_JUDGE
from services.postprocessing.adapters import wire
from services.postprocessing.adapters.first_verdict import FirstVerdicts
from services.postprocessing.domain.adaptive import Windows, adapted
from services.postprocessing.domain.limits import Limits
from services.postprocessing.domain.verdict import judge

SCOPES = {"/jidoka.verdict.v1.VerdictService/Judge": VERDICT_JUDGE}


class VerdictServicer(verdict_service_pb2_grpc.VerdictServiceServicer):
    """The judge."""

    def __init__(self, plant: Plant, bus: Bus, clock: wire.Clock, rules_version: Callable[[str], int]) -> None:
        self._plant = plant
        self._places = {(p.site, p.line, p.station) for p, _, _ in plant.stations()}
        self._verdicts = FirstVerdicts(bus)
        self._clock = clock
        self._rules_version = rules_version
        self._windows = Windows()

    async def Judge(self, request: verdict_service_pb2.JudgeRequest, _: Any) -> verdict_service_pb2.JudgeResponse:  # noqa: N802
        """Judge, store, answer what is stored: acknowledged means durable."""
        inspection = request.inspection
        recipe = self._admit(inspection)
        with Stopwatch("judge") as judging:
            limits = self._limits(inspection, recipe)
            judgement = judge(wire.candidates(inspection), wire.findings(inspection), limits)
        rules = self._rules_version(inspection.station.site)
        verdict = wire.verdict(inspection, judgement, recipe, limits, rules, self._clock())
        verdict.timings.add(stage="judge", duration_ms=judging.duration_ms)
        with Stopwatch("publish"):
            stored = await self._verdicts.keep(verdict)
        if stored is verdict:  # not a frame that was sent again
            self._learn(inspection, recipe, verdict)
        return verdict_service_pb2.JudgeResponse(verdict=stored)

    def _admit(self, inspection: inspection_pb2.Inspection) -> Recipe:
        recipe, at = self._recipe(inspection.recipe), inspection.station
        if (at.site, at.line, at.station) not in self._places:
            raise NotFound(f"no station {_place(inspection)}", field="station", fix="see the plant file")
        if not inspection.inspection_id:
            raise Invalid("is empty", field="inspection_id", fix="give every inspection its own id")
        try:
            context.check(inspection.context)
        except Mistake as mistake:
            raise Invalid(str(mistake), field=mistake.field, fix=mistake.fix) from mistake
        return recipe

    def _limits(self, inspection: inspection_pb2.Inspection, recipe: Recipe) -> Limits:
        limits, rails = wire.limits(recipe, inspection), wire.rails(recipe)
        if rails is None:
            return limits
        window = self._windows.at(_place(inspection), recipe.name, wire.basis(inspection, recipe))
        return adapted(limits, window, rails)

    def _learn(self, inspection: inspection_pb2.Inspection, recipe: Recipe, verdict: verdict_pb2.Verdict) -> None:
        """Only what stands on a verdict that the broker has: so it can be learnt again from the stream."""
        rails = wire.rails(recipe)
        if rails is None:
            return
        at = (_place(inspection), recipe.name, wire.basis(inspection, recipe))
        undoubted = all(each.best_score < each.inconclusive_from for each in verdict.limits)
        good = undoubted and verdict.outcome == verdict_pb2.OUTCOME_PASS
        best = {each.label: each.best_score for each in verdict.limits}
        self._windows.keep(*at, self._windows.at(*at).after(verdict.inspection_id, best, rails, good=good))

    def _recipe(self, name: str) -> Recipe:
        recipe = self._plant.recipe(name)
        if recipe is None:
            known = ", ".join(recipe.name for recipe in self._plant.recipes)
            raise NotFound(f"no recipe {name!r}", field="recipe", fix=f"known: {known}")
        return recipe


def _place(inspection: inspection_pb2.Inspection) -> str:
    at = inspection.station
    return f"{at.site}/{at.line}/{at.station}"
