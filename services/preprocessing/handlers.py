"""How a frame becomes a verdict: admit, decode, register, look, ask the judge."""

import asyncio
import hashlib
import math
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from prometheus_client import Counter, Gauge

from services.chassis.errors import Denied, Exhausted, Invalid, NotFound
from services.chassis.telemetry import Stopwatch, span
from services.contracts import context
from services.contracts.mistake import Mistake
from services.contracts.plant import Plant
from services.contracts.recipe import Extent, Recipe
from services.preprocessing.domain.arrival import Arrival, arrival
from services.preprocessing.domain.context import ContextBook, Setup
from services.preprocessing.domain.extent import ExtentLimits, tighten
from services.preprocessing.domain.frame import Candidate, Frame, Golden, Image, Seen
from services.preprocessing.domain.quality import Finding, Fit, Look, QualityLimits, change, gate
from services.preprocessing.domain.registration import register, shift
from services.preprocessing.domain.slots import FairSlots
from services.preprocessing.ports import Clock, Detector, Goldens, Judge

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")
_PIXEL_PARAMETERS = {"width_px", "height_px", "max_shift_px", "extent", "quality"}
_LONGEST_LOT = 128
_MOST_PARTS = 2**53 - 1  # what every reader of JSON can still count
LATE = Counter("jidoka_frames_late", "Frames that came long after they were taken", ["station"])
CAMERA_SKEW = Gauge("jidoka_camera_skew_seconds", "A camera's clock less the broker's, at its last frame", ["station"])
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
        recipe = self._admit(frame, client, setup)
        self._check_time(frame, came)
        place = f"{frame.site}/{frame.line}/{frame.station}"
        if not self._slots.take(place, time.monotonic()):
            share = f"{self._slots.held(place)} of them are this station's"
            what = f"{self._slots.total} frames are being inspected, {share}"
            raise Exhausted(what, fix="send again in a moment")
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

    def _admit(self, frame: Frame, client: str, setup: Setup) -> Recipe:
        if not _ID.fullmatch(frame.inspection_id):
            raise Invalid("must be 1 to 64 of A-Z a-z 0-9 . _ : -", field="frame.inspection_id", fix="use a UUID")
        _check_part(frame)
        try:
            context.check(frame.context)
        except Mistake as mistake:
            raise Invalid(str(mistake), field=f"frame.{mistake.field}", fix=mistake.fix) from mistake
        where = (frame.site, frame.line, frame.station)
        station = next((s for p, _, s in self.plant.stations() if (p.site, p.line, p.station) == where), None)
        if station is None:
            known = ", ".join(str(place) for place, _, _ in self.plant.stations())
            raise NotFound(f"no station {'/'.join(where)}", field="frame.station", fix=f"known: {known}")
        if client != station.camera_client and client not in self.trusted_clients:
            fix = f"submit as {station.camera_client}"
            raise Denied(f"{client} may not submit for {'/'.join(where)}", field="frame.station", fix=fix)
        told = setup.recipe if setup.recipe in station.recipes else ""  # a line's recipe need not be all stations'
        name = frame.recipe or told or station.recipes[0]
        recipe = self.plant.recipe(name)
        if recipe is None or name not in station.recipes:
            fix = f"use one of: {', '.join(station.recipes)}"
            raise NotFound(f"station {'/'.join(where)} has no recipe {name!r}", field="frame.recipe", fix=fix)
        return recipe

    def _check_time(self, frame: Frame, came: Arrival) -> None:
        """For a frame that may come in: the metrics have no label that anybody can make up."""
        place = f"{frame.site}/{frame.line}/{frame.station}"
        if came.camera_skew_s is not None:
            CAMERA_SKEW.labels(place).set(came.camera_skew_s)
        if came.ahead_s and self.clock.known:  # else our own clock may be the wrong one
            fix = f"set the camera's clock (NTP); it is {came.ahead_s:.0f} s ahead"
            raise Invalid("is in the future", field="frame.captured_at", fix=fix)
        if came.late:
            LATE.labels(place).inc()

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
        place, number = f"{frame.site}/{frame.line}/{frame.station}", (frame.lot_id, frame.part_sequence)
        last, picture = self._last.get(place, (number, part))
        self._last[place] = number, part
        return None if last == number else picture


def _check_part(frame: Frame) -> None:
    if not _NAME.fullmatch(frame.product_id):
        raise Invalid("must be 1 to 128 of A-Z a-z 0-9 . _ -", field="frame.part.product_id", fix="name the product")
    if not 1 <= len(frame.lot_id) <= _LONGEST_LOT or not frame.lot_id.isprintable():
        raise Invalid("must be 1 to 128 printable characters", field="frame.part.lot_id", fix="name the lot")
    if not 1 <= frame.part_sequence <= _MOST_PARTS:
        fix = "number the parts of a lot from 1"
        raise Invalid(f"must be 1 to {_MOST_PARTS}", field="frame.part.part_sequence", fix=fix)
    if frame.previous_lot_parts > _MOST_PARTS:
        fix = "say how many parts the lot before had, or nothing"
        raise Invalid(f"must be at most {_MOST_PARTS}", field="frame.part.previous_lot_parts", fix=fix)


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
