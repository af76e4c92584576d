"""What the rules found besides stops and orders: warnings, and parts to set aside."""

from typing import Annotated, Any

from fastapi import FastAPI, Query

from services.contracts.scopes import RESULT_READ
from services.gateway.adapters.door import Door
from services.gateway.domain import View

_Line = Annotated[str, Query(max_length=200, description="only of this one: site/line")]
_Limit = Annotated[int, Query(ge=1, le=1000)]


def install(app: FastAPI, view: View, door: Door) -> None:
    """The endpoints."""
    read = [door.needs(RESULT_READ)]

    @app.get("/v1/warnings", dependencies=read, summary="Warnings of the rules, newest first")
    async def warnings(line: _Line = "", limit: _Limit = 50) -> list[dict[str, Any]]:
        return view.warnings.newest(limit, line=line)

    @app.get(
        "/v1/containments",
        dependencies=read,
        summary="Parts to set aside, one range for each incident (its newest revision), newest first",
    )
    async def containments(line: _Line = "", limit: _Limit = 50) -> list[dict[str, Any]]:
        return view.containments.newest(limit, line=line)
