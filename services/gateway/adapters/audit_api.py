"""Who did what at the OPC UA server and to dead letters, for those who have to check it."""

from typing import Annotated, Any

from fastapi import FastAPI, Query

from services.contracts.scopes import AUDIT_READ
from services.gateway.adapters.door import Door
from services.gateway.domain import View


def install(app: FastAPI, view: View, door: Door) -> None:
    """The endpoint."""

    @app.get(
        "/v1/audit",
        dependencies=[door.needs(AUDIT_READ)],
        summary="What was done and refused at the OPC UA server, and done to dead letters; newest first",
    )
    async def audit(
        user: Annotated[str, Query(max_length=200, description="only of this user")] = "",
        act: Annotated[
            str,
            Query(
                max_length=50,
                description="call, write, log in, log out, create session, replay dead letter, drop dead letter",
            ),
        ] = "",
        result: Annotated[str, Query(max_length=100, description="Good, or the name of a refusal")] = "",
        node: Annotated[str, Query(max_length=200, description="only nodes whose id contains it")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    ) -> list[dict[str, Any]]:
        wanted = {"user": user, "act": act, "result": result}
        exact = {field: value for field, value in wanted.items() if value}
        return view.audited(exact, node, limit)
