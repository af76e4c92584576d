"""Which frames get in: what they must say, who may send them, and when they were taken. Cheap: nothing is decoded."""

import re

from prometheus_client import Gauge

from services.chassis.errors import Denied, Invalid, NotFound
from services.contracts import context
from services.contracts.mistake import Mistake
from services.contracts.plant import Plant
from services.contracts.recipe import Recipe
from services.preprocessing.domain.arrival import Arrival
from services.preprocessing.domain.context import Setup
from services.preprocessing.domain.frame import Frame

CAMERA_SKEW = Gauge("jidoka_camera_skew_seconds", "A camera's clock less the broker's, at its last frame", ["station"])
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")
_LONGEST_LOT = 128
_MOST_PARTS = 2**53 - 1  # what every reader of JSON can still count


def admit(frame: Frame, client: str, plant: Plant, trusted_clients: frozenset[str], setup: Setup) -> Recipe:
    """The recipe by which the frame is looked at. Raises Invalid, NotFound or Denied."""
    if not _ID.fullmatch(frame.inspection_id):
        raise Invalid("must be 1 to 64 of A-Z a-z 0-9 . _ : -", field="frame.inspection_id", fix="use a UUID")
    _check_part(frame)
    try:
        context.check(frame.context)
    except Mistake as mistake:
        raise Invalid(str(mistake), field=f"frame.{mistake.field}", fix=mistake.fix) from mistake
    where = (frame.site, frame.line, frame.station)
    station = next((s for p, _, s in plant.stations() if (p.site, p.line, p.station) == where), None)
    if station is None:
        known = ", ".join(str(place) for place, _, _ in plant.stations())
        raise NotFound(f"no station {'/'.join(where)}", field="frame.station", fix=f"known: {known}")
    if client != station.camera_client and client not in trusted_clients:
        fix = f"submit as {station.camera_client}"
        raise Denied(f"{client} may not submit for {'/'.join(where)}", field="frame.station", fix=fix)
    told = setup.recipe if setup.recipe in station.recipes else ""  # a line's recipe need not be all stations'
    name = frame.recipe or told or station.recipes[0]
    recipe = plant.recipe(name)
    if recipe is None or name not in station.recipes:
        fix = f"use one of: {', '.join(station.recipes)}"
        raise NotFound(f"station {'/'.join(where)} has no recipe {name!r}", field="frame.recipe", fix=fix)
    return recipe


def check_time(frame: Frame, came: Arrival, *, known: bool) -> None:
    """Raises Invalid for a frame from the future, but only when the broker's time is `known`: else ours may be wrong.

    For frames that are admitted otherwise: the metric has no label that anybody can make up.
    """
    if came.camera_skew_s is not None:
        CAMERA_SKEW.labels(frame.place).set(came.camera_skew_s)
    if came.ahead_s and known:
        fix = f"set the camera's clock (NTP); it is {came.ahead_s:.0f} s ahead"
        raise Invalid("is in the future", field="frame.captured_at", fix=fix)


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
