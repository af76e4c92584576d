"""A misspelt query parameter is an error: ignored in silence, `?limt=3` looks as if it had been heard."""

from fastapi import Request
from fastapi.routing import APIRoute

from services.chassis.errors import Invalid


async def only_known_ones(request: Request) -> None:
    """A dependency of every route. Raises Invalid for a query parameter that the route does not have."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = [parameter.alias for parameter in route.dependant.query_params]
    for name in request.query_params:
        if name not in known:
            fix = f"this path knows {', '.join(known)}" if known else "this path knows none"
            raise Invalid(f"there is no query parameter {name[:50]!r}", field=name[:50], fix=fix)
