"""The rules' incidents, and how a person at the line ends one: the stream knows who said so and why."""

from typing import Annotated, Any

from fastapi import FastAPI, Path, Query
from jidoka.line.v1 import line_pb2

from services.chassis.auth import Principal
from services.chassis.bus import Bus
from services.chassis.errors import NotFound
from services.contracts.instant import now
from services.contracts.plant import Place, Plant
from services.contracts.scopes import INCIDENT_CLOSE, RESULT_READ
from services.contracts.subjects import INCIDENT_CLOSED
from services.gateway.adapters.door import Door
from services.gateway.domain import Entry, View

_EPISODE = "^[0-9a-f]{32}$"


def install(app: FastAPI, plant: Plant, view: View, door: Door, bus: Bus) -> None:
    """The endpoints."""
    lines = {f"{site.name}/{line.name}" for site in plant.sites for line in site.lines}
    read = [door.needs(RESULT_READ)]

    def known(episode_id: str, line: str = "") -> Entry:
        found = view.incidents.get(episode_id)
        if found is None or line not in {"", found["line"]}:
            where = f" at {line}" if line else ""
            raise NotFound(f"no incident {episode_id}{where}", field="episode_id", fix="see /v1/incidents")
        return found

    @app.get("/v1/incidents", dependencies=read, summary="The rules' incidents, those of which news came last first")
    async def incidents(
        line: Annotated[str, Query(max_length=200, description="only of this one: site/line")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    ) -> list[dict[str, Any]]:
        return view.incidents.newest(limit, line=line)

    @app.get("/v1/incidents/{episode_id}", dependencies=read, summary="One incident and its orders")
    async def incident(episode_id: Annotated[str, Path(pattern=_EPISODE)]) -> dict[str, Any]:
        return {**known(episode_id), "workRequests": view.orders_of(episode_id)}

    @app.post(
        "/v1/lines/{site}/{line}/incidents/{episode_id}/closure",
        summary="Say that an incident is over (a held line is resumed at the machine, not here)",
    )
    async def close(
        site: str,
        line: str,
        episode_id: Annotated[str, Path(pattern=_EPISODE)],
        caller: Annotated[Principal, door.needs(INCIDENT_CLOSE)],
        reason: Annotated[str, Query(min_length=3, max_length=500, description="what was found, what was done")],
    ) -> dict[str, str]:
        if f"{site}/{line}" not in lines:
            raise NotFound(f"no line {site}/{line}", field="line", fix=f"known: {', '.join(sorted(lines))}")
        known(episode_id, f"{site}/{line}")  # a mistyped id would be answered with 200, and close nothing
        message = line_pb2.IncidentClosed(
            site=site,
            line=line,
            episode_id=episode_id,
            closed_by=caller.subject,
            reason=reason,
            closed_at=now(),
        )
        await bus.publish(INCIDENT_CLOSED.at(Place(site, line, "all")), message, f"{episode_id}:closed")
        return {"episodeId": episode_id, "closedBy": caller.subject}
