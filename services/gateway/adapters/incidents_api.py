"""A person at the line ends a rule's incident: its rule counts afresh, and the stream knows who said so and why."""

from typing import Annotated

from fastapi import FastAPI, Path, Query
from jidoka.line.v1 import line_pb2

from services.chassis.auth import Principal
from services.chassis.bus import Bus
from services.chassis.errors import NotFound
from services.contracts.instant import now
from services.contracts.plant import Place, Plant
from services.contracts.scopes import INCIDENT_CLOSE
from services.contracts.subjects import INCIDENT_CLOSED
from services.gateway.adapters.door import Door


def install(app: FastAPI, plant: Plant, door: Door, bus: Bus) -> None:
    """The endpoint."""
    lines = {f"{site.name}/{line.name}" for site in plant.sites for line in site.lines}

    @app.post(
        "/v1/lines/{site}/{line}/incidents/{episode_id}/closure",
        summary="Say that an incident is over (a held line is resumed at the machine, not here)",
    )
    async def close(
        site: str,
        line: str,
        episode_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$")],
        caller: Annotated[Principal, door.needs(INCIDENT_CLOSE)],
        reason: Annotated[str, Query(min_length=3, max_length=500, description="what was found, what was done")],
    ) -> dict[str, str]:
        if f"{site}/{line}" not in lines:
            raise NotFound(f"no line {site}/{line}", field="line", fix=f"known: {', '.join(sorted(lines))}")
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
