"""The MES says what a line works on from now on: lot, material, supplier, recipe, tool, job order."""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, TypeAlias

from fastapi import FastAPI
from jidoka.context.v1 import context_pb2
from jidoka.frame.v1.frame_pb2 import StationPath
from pydantic import BaseModel, ConfigDict, Field

from services.chassis.auth import Principal
from services.chassis.bus import Bus
from services.chassis.errors import Invalid, NotFound
from services.contracts.instant import timestamp
from services.contracts.mistake import nearest
from services.contracts.plant import Plant
from services.contracts.scopes import CONTEXT_WRITE
from services.contracts.subjects import CONTEXT_DECLARED
from services.gateway.adapters.door import Door

_WHOLE_LINE = "all"
_FACTS = {
    "lot": "lot_id",
    "material": "material",
    "supplier": "supplier",
    "recipe": "recipe",
    "tool": "tool",
    "job_order": "job_order_id",
}
Recipes: TypeAlias = Mapping[str, Mapping[str, Sequence[str]]]
"""site/line: station: what it may inspect."""


class LineContext(BaseModel):
    """What holds from now on; what is left out stays as it was."""

    model_config = ConfigDict(extra="forbid")

    station: str = ""
    """Only this one; empty: every station of the line."""
    lot: str = Field(default="", max_length=128)
    material: str = Field(default="", max_length=128)
    supplier: str = Field(default="", max_length=128)
    recipe: str = Field(default="", max_length=128)
    tool: str = Field(default="", max_length=128)
    job_order: str = Field(default="", max_length=128)


def install(app: FastAPI, plant: Plant, door: Door, bus: Bus) -> None:
    """The endpoint."""
    recipes: dict[str, dict[str, Sequence[str]]] = {}
    for place, _, station in plant.stations():
        recipes.setdefault(f"{place.site}/{place.line}", {})[place.station] = station.recipes

    @app.put(
        "/v1/sites/{site}/lines/{line}/context",
        status_code=202,
        summary="Say what a line works on, for parts that are captured from now on",
    )
    async def declare(
        site: str, line: str, said: LineContext, caller: Annotated[Principal, door.needs(CONTEXT_WRITE)]
    ) -> dict[str, str]:
        told = _checked(f"{site}/{line}", said, recipes)
        at = StationPath(site=site, line=line, station=said.station or _WHOLE_LINE)
        message = context_pb2.ContextChanged(station=at, source=f"rest:{caller.subject}")
        for name, value in told.items():
            setattr(message, _FACTS[name], value)
        message.changed_at.CopyFrom(timestamp(bus.clock.now_s()))
        # What was said before may be said again: each word is a fact of its own.
        msg_id = f"{site}/{line}:{caller.subject}:{time.time_ns()}"
        await bus.publish(CONTEXT_DECLARED.at(at), message, msg_id)
        return told


def _checked(line: str, said: LineContext, recipes: Recipes) -> dict[str, str]:
    """What was said. Raises NotFound for a place that is not there, Invalid for what no station can use."""
    if line not in recipes:
        raise NotFound(f"no line {line}", field="line", fix=nearest(line, list(recipes)))
    stations = recipes[line]
    if said.station and said.station not in stations:
        raise NotFound(f"no station {said.station!r}", field="station", fix=nearest(said.station, list(stations)))
    told = {name: value for name in _FACTS if (value := getattr(said, name))}
    if not told:
        raise Invalid("says nothing", field="body", fix=f"one or more of {', '.join(_FACTS)}")
    for name, value in told.items():
        if not value.isprintable():
            raise Invalid("is not printable", field=name, fix="1 to 128 printable characters")
    wanted = [said.station] if said.station else list(stations)
    known = sorted({recipe for station in wanted for recipe in stations[station]})
    if said.recipe and said.recipe not in known:
        raise Invalid(f"no recipe {said.recipe!r} there", field="recipe", fix=nearest(said.recipe, known))
    return told
