"""The first door of every request: whose it is, how long it is, how long it may take. Before that no body is read (B6).

FastAPI reads whole bodies before it asks its dependencies. So this stands in front of it: token, then length, then the
bytes, counted and within a deadline; the application gets a body that is whole and small.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import Match

from services.chassis.errors import Exhausted, MeshError, Unauthenticated
from services.gateway.adapters.door import CALLER, Door
from services.gateway.adapters.http_errors import TooLarge, TooSlow, problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BYTES = "x-max-body-bytes"
"""Of a route, in its `openapi_extra`: so it stands in the schema, too."""
SIGNED_BODY: dict[str, Any] = {"security": []}
"""Of a route that wants no token, since its body is signed: it is read, within its limit."""
_USUAL_MOST_BYTES = 1 << 16
_MOST_HELD_BYTES = 256 << 20  # of all requests together


class _Gone(Exception):
    """The caller went away in the middle of its body."""


class Entrance:
    """ASGI middleware: lets in requests with a good token and a whole body within the limit of its route."""

    def __init__(self, app: App, door: Door, deadline_s: float) -> None:
        self._app, self._door, self._deadline_s = app, door, deadline_s
        self._held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = bytearray()
        try:
            said = _said_of(scope)
            if said.get("security") != []:
                scope[CALLER] = await self._door.enter(_authorization(scope))
            await self._read(scope, receive, body, int(said.get(MOST_BYTES, _USUAL_MOST_BYTES)))
        except MeshError as error:
            # What is left of the body is nobody's: the connection cannot be used again.
            await problem(error, {"Connection": "close"})(scope, receive, send)
        except _Gone:
            return
        else:
            await self._app(scope, _again(bytes(body), receive), send)
        finally:
            self._held_bytes -= len(body)

    async def _read(self, scope: Scope, receive: Receive, body: bytearray, most: int) -> None:
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if int(announced) > most:
            raise _too_large(most)
        try:
            async with asyncio.timeout(self._deadline_s):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    more = message.get("more_body", False)
                    self._take(message.get("body", b""), body, most)
        except TimeoutError:
            fix = "send the body at once, over a faster link"
            raise TooSlow(f"the body was not whole within {self._deadline_s:g} s", field="body", fix=fix) from None

    def _take(self, piece: bytes, body: bytearray, most: int) -> None:
        if len(body) + len(piece) > most:
            raise _too_large(most)
        if self._held_bytes + len(piece) > _MOST_HELD_BYTES:
            raise Exhausted("too many long requests at once", fix="send again in a second")
        body += piece
        self._held_bytes += len(piece)


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the body has more than {most} bytes", field="body", fix=f"send at most {most} bytes")


def _said_of(scope: Scope) -> dict[str, Any]:
    """What the schema says of the route that the request is for; nothing for one that is not there."""
    for route in scope["app"].routes:
        if isinstance(route, APIRoute) and route.matches(scope)[0] is Match.FULL:
            return route.openapi_extra or {}
    return {}


def _authorization(scope: Scope) -> str:
    found = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(found) > 1 or not all(value.isascii() for value in found):
        raise Unauthenticated("is said twice, or is no token", field="authorization", fix="send one Bearer token")
    return found[0].decode("ascii") if found else ""


def _again(body: bytes, receive: Receive) -> Receive:
    """What was received, for one who receives it now; afterwards, whatever else comes."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
