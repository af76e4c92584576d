"""Errors as RFC 9457 problem details: what, where, and what to do about it."""

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from services.chassis import errors


class TooLarge(errors.Invalid):
    """More bytes than the route takes."""


class TooSlow(errors.Invalid):
    """The body did not come in time."""


_STATUS = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Denied: 403,
    errors.NotFound: 404,
    TooSlow: 408,
    errors.Conflict: 409,
    TooLarge: 413,
    errors.Exhausted: 429,
    errors.Unavailable: 503,
    errors.Bug: 500,
}


def install(app: FastAPI) -> None:
    """Answer every MeshError, every malformed request and every unknown path as a problem document."""

    @app.exception_handler(errors.MeshError)
    async def mesh_error(_: Request, error: errors.MeshError) -> JSONResponse:
        return problem(error)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return _problem(400, "invalid", str(first["msg"]), where, "see the API's schema", {})

    @app.exception_handler(HTTPException)
    async def of_the_framework(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 404:  # noqa: PLR2004
            return problem(errors.NotFound("there is no such path", fix="see /v1/openapi.json"))
        if error.status_code == 405:  # noqa: PLR2004
            allowed = ", ".join(_methods_of(request))
            fix = f"this path takes {allowed}"
            return _problem(405, "methodnotallowed", "the path does not take this method", "", fix, {"Allow": allowed})
        return _problem(error.status_code, "invalid", str(error.detail), "body", "see the API's schema", {})


def problem(error: errors.MeshError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The error as a problem document, with `headers` beside those of its kind."""
    carried = dict(headers or {})
    if isinstance(error, errors.Exhausted | errors.Unavailable):
        carried["Retry-After"] = "1"
    if isinstance(error, errors.Unauthenticated):
        carried["WWW-Authenticate"] = "Bearer"
    return _problem(_STATUS.get(type(error), 500), error.kind, error.message, error.field, error.fix, carried)


def _methods_of(request: Request) -> list[str]:
    """All methods of a path; several routes may share it, and each knows only its own."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    found = [route.methods or () for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for methods in found for method in methods})


def _problem(status: int, kind: str, detail: str, field: str, fix: str, headers: Mapping[str, str]) -> JSONResponse:
    body = {"type": f"urn:jidoka:error:{kind}", "title": kind, "status": status, "detail": detail}
    body |= {name: value for name, value in (("field", field), ("fix", fix)) if value}
    return JSONResponse(body, status, headers, media_type="application/problem+json")
