"""VerdictService: judge one inspection and answer only when the broker has stored the verdict."""

from collections.abc import Callable
from typing import Any

from jidoka.verdict.v1 import verdict_service_pb2, verdict_service_pb2_grpc

from services.chassis.bus import Bus
from services.chassis.errors import Invalid, NotFound
from services.chassis.telemetry import Stopwatch
from services.contracts.plant import Plant
from services.contracts.recipe import Recipe
from services.contracts.scopes import VERDICT_JUDGE
from services.contracts.subjects import VERDICT_REACHED
from services.postprocessing.adapters import wire
from services.postprocessing.domain.verdict import judge

SCOPES = {"/jidoka.verdict.v1.VerdictService/Judge": VERDICT_JUDGE}


class VerdictServicer(verdict_service_pb2_grpc.VerdictServiceServicer):
    """The judge."""

    def __init__(self, plant: Plant, bus: Bus, clock: wire.Clock, rules_version: Callable[[str], int]) -> None:
        self._plant = plant
        self._places = {(p.site, p.line, p.station) for p, _, _ in plant.stations()}
        self._bus = bus
        self._clock = clock
        self._rules_version = rules_version

    async def Judge(self, request: verdict_service_pb2.JudgeRequest, _: Any) -> verdict_service_pb2.JudgeResponse:  # noqa: N802
        """Judge, publish, answer: acknowledged means durable."""
        inspection = request.inspection
        recipe = self._recipe(inspection.recipe)
        at = inspection.station
        if (at.site, at.line, at.station) not in self._places:
            raise NotFound(f"no station {at.site}/{at.line}/{at.station}", field="station", fix="see the plant file")
        if not inspection.inspection_id:
            raise Invalid("is empty", field="inspection_id", fix="give every inspection its own id")
        with Stopwatch("judge") as judging:
            judgement = judge(wire.candidates(inspection), wire.findings(inspection), wire.limits(recipe))
        verdict = wire.verdict(inspection, judgement, recipe, self._rules_version(at.site), self._clock())
        verdict.timings.add(stage="judge", duration_ms=judging.duration_ms)
        with Stopwatch("publish") as publishing:
            await self._bus.publish(VERDICT_REACHED.at(at), verdict, verdict.inspection_id)
        verdict.timings.add(stage="publish", duration_ms=publishing.duration_ms)
        return verdict_service_pb2.JudgeResponse(verdict=verdict)

    def _recipe(self, name: str) -> Recipe:
        recipe = self._plant.recipe(name)
        if recipe is None:
            known = ", ".join(recipe.name for recipe in self._plant.recipes)
            raise NotFound(f"no recipe {name!r}", field="recipe", fix=f"known: {known}")
        return recipe
