"""How a frame becomes a verdict: admit, decode, register, look, ask the judge."""

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from prometheus_client import Counter

from services.chassis.errors import Exhausted, Invalid
from services.chassis.telemetry import Stopwatch, span
from services.contracts import context
from services.contracts.plant import Plant
from services.contracts.recipe import Extent, Recipe
from services.preprocessing.admission import admit, check_time
from services.preprocessing.domain.arrival import arrival
from services.preprocessing.domain.context import ContextBook
from services.preprocessing.domain.extent import ExtentLimits, tighten
from services.preprocessing.domain.frame import Candidate, Frame, Golden, Image, Seen
from services.preprocessing.domain.quality import Finding, Fit, Look, QualityLimits, change, gate
from services.preprocessing.domain.registration import register, shift
from services.preprocessing.domain.slots import FairSlots
from services.preprocessing.ports import Clock, Detector, Goldens, Judge

_PIXEL_PARAMETERS = {"width_px", "height_px", "max_shift_px", "extent", "quality"}
LATE = Counter("jidoka_frames_late", "Frames that came long after they were taken", ["station"])
Decode = Callable[[bytes], Image]


@dataclass
class Inspector:
    """The use case behind `Inspect`. CPU work runs in `pool`, never on the event loop."""

    plant: Plant
    decode: Decode
    goldens: Goldens
    detector: Detector
    judge: Judge
    pool: Executor
    max_in_flight: int
    trusted_clients: frozenset[str]
    pixel_code: str
    """Names the code that changes pixels."""
    clock: Clock
    contexts: ContextBook = field(default_factory=ContextBook)
    """What the stations work on, as the MES says it."""
    _slots: FairSlots = field(init=False)
    _last: dict[str, tuple[tuple[str, int], Image]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Every station of the plant may come."""
        self._slots = FairSlots(self.max_in_flight, sum(1 for _ in self.plant.stations()))

    async def inspect(self, frame: Frame, client: str) -> Any:
        """The durable verdict on one frame.

        Raises Invalid, NotFound or Denied for what the caller must mend, Exhausted before acceptance, and Unavailable
        when a part of the mesh is away: then the caller keeps the frame and sends it again.
        """
        came = arrival(frame.captured_at_s, frame.sent_at_s, self.clock.now_s())
        # Once for each part: a change in the middle of it is the next part's.
        setup = self.contexts.at(f"{frame.site}/{frame.line}", frame.station, came.taken_at_s)
        recipe = admit(frame, client, self.plant, self.trusted_clients, setup)
        check_time(frame, came, known=self.clock.known)
        place = frame.place
        if not self._slots.take(place, time.monotonic()):
            share = f"{self._slots.held(place)} of them are this station's"
            what = f"{self._slots.total} frames are being inspected, {share}"
            raise Exhausted(what, fix="send again in a moment")
        if came.late:
            LATE.labels(place).inc()
        try:
            known = replace(
                frame,
                recipe=recipe.name,
                context=_together(frame.context, setup.context()),
                taken_at_s=came.taken_at_s,
                late=came.late,
            )
            return await self._inspect(known, recipe)
        finally:
            self._slots.give_back(place)

    async def _inspect(self, frame: Frame, recipe: Recipe) -> Any:
        model = self.detector.served(recipe.model)
        timings: dict[str, float] = {}
        loop = asyncio.get_running_loop()
        with span("decode"), Stopwatch("decode") as watch:
            part, sha = await loop.run_in_executor(self.pool, self._decode, frame.image, recipe)
        timings["decode"] = watch.duration_ms
        golden = await self.goldens.get(frame.product_id)
        with span("register"), Stopwatch("register") as watch:
            before = self._before(frame, part)
            aligned, fit, findings = await loop.run_in_executor(self.pool, _align, part, golden, recipe, before)
        timings["register"] = watch.duration_ms
        with span("infer"), Stopwatch("infer") as watch:
            candidates = await self.detector.detect(model, part, aligned, frame.inspection_id)
        timings["infer"] = watch.duration_ms
        if recipe.extent:
            with span("measure"), Stopwatch("measure") as watch:
                candidates = await loop.run_in_executor(self.pool, _measure, part, aligned, candidates, recipe.extent)
            timings["measure"] = watch.duration_ms
        digest = _digest(recipe, self.pixel_code)
        seen = Seen(
            frame, candidates, tuple(findings), sha, golden.sha256, model, digest, fit.offset_px, timings_ms=timings
        )
        return await self.judge.judge(seen)

    def _decode(self, encoded: bytes, recipe: Recipe) -> tuple[Image, str]:
        part = self.decode(encoded)
        if part.shape != (recipe.height_px, recipe.width_px):
            found, wanted = f"{part.shape[1]}x{part.shape[0]}", f"{recipe.width_px}x{recipe.height_px}"
            fix = f"recipe {recipe.name} wants {wanted}"
            raise Invalid(f"the image is {found} pixels", field="frame.image", fix=fix)
        return part, hashlib.sha256(encoded).hexdigest()

    def _before(self, frame: Frame, part: Image) -> Image | None:
        """The picture of the part before at this station; None for the first one, and for a frame that is sent again.

        Kept in memory alone: after a restart the first picture has none before it, the second one has.
        """
        place, number = frame.place, (frame.lot_id, frame.part_sequence)
        last, picture = self._last.get(place, (number, part))
        self._last[place] = number, part
        return None if last == number else picture


def _together(own: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
    """What the camera says of the part, then what the MES says of the line, as far as there is room."""
    added = [(key, value) for key, value in told.items() if key not in own]
    return dict([*own.items(), *added][: context.MAX_ENTRIES])


def _align(part: Image, golden: Golden, recipe: Recipe, before: Image | None) -> tuple[Image, Fit, list[Finding]]:
    if part.shape != golden.profile.image.shape:
        fix = "register a golden template taken with this recipe"
        raise Invalid(f"golden template has shape {golden.profile.image.shape}", field="frame.part.product_id", fix=fix)
    found = register(part, golden.profile, recipe.max_shift_px)
    fit = Fit((found.dx, found.dy), (found.xor_after if found.accepted else found.xor_before) / part.size)
    limits = QualityLimits(**recipe.quality.model_dump())
    findings = gate(Look.of(part), golden.look, fit, change(part, before), limits)
    return shift(golden.profile.image, found.dx, found.dy), fit, findings


def _digest(recipe: Recipe, pixel_code: str) -> str:
    """Names what was done to the picture; the recipe's thresholds come later, and have a version of their own."""
    parameters = recipe.model_dump_json(include=_PIXEL_PARAMETERS)
    return hashlib.sha256(f"{parameters}{pixel_code}".encode()).hexdigest()


def _measure(part: Image, golden: Image, candidates: tuple[Candidate, ...], extent: Extent) -> tuple[Candidate, ...]:
    limits = ExtentLimits(**extent.model_dump(exclude={"min_score"}))
    strong = [c for c in candidates if _measurable(c, extent)]
    boxes = np.array([(c.x1, c.y1, c.x2, c.y2) for c in strong]).reshape(-1, 4)
    sides = tighten(part, golden, boxes, limits).tolist()
    exact = [replace(c, x1=x1, y1=y1, x2=x2, y2=y2) for c, (x1, y1, x2, y2) in zip(strong, sides, strict=True)]
    return (*exact, *(c for c in candidates if not _measurable(c, extent)))


def _measurable(candidate: Candidate, extent: Extent) -> bool:
    """Worth the time, and a box at all: what is no number goes to the judge as it is."""
    return candidate.score >= extent.min_score and math.isfinite(
        candidate.x1 + candidate.y1 + candidate.x2 + candidate.y2
    )
