"""Errors as RFC 9457 problem details: what, where, and what to do about it."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from services.chassis import errors

_STATUS = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Denied: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Exhausted: 429,
    errors.Unavailable: 503,
    errors.Bug: 500,
}


def install(app: FastAPI) -> None:
    """Answer every MeshError and every malformed request as a problem document."""

    @app.exception_handler(errors.MeshError)
    async def mesh_error(_: Request, error: errors.MeshError) -> JSONResponse:
        headers = {"Retry-After": "1"} if isinstance(error, errors.Exhausted | errors.Unavailable) else {}
        if isinstance(error, errors.Unauthenticated):
            headers["WWW-Authenticate"] = "Bearer"
        return _problem(_STATUS.get(type(error), 500), error.kind, error.message, error.field, error.fix, headers)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return _problem(400, "invalid", first["msg"], ".".join(map(str, first["loc"])), "see the API's schema", {})


def _problem(status: int, kind: str, detail: str, field: str, fix: str, headers: dict[str, str]) -> JSONResponse:
    body = {"type": f"urn:jidoka:error:{kind}", "title": kind, "status": status, "detail": detail}
    body |= {name: value for name, value in (("field", field), ("fix", fix)) if value}
    return JSONResponse(body, status, headers, media_type="application/problem+json")
