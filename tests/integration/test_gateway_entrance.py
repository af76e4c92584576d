"""Nobody fills the gateway's memory or disk: whose a request is and how long it is, is known before a body is read."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.chassis.auth import Principal
from services.chassis.errors import Unauthenticated
from services.contracts import plant as plants
from services.gateway.adapters import context_api, rules_api
from services.gateway.adapters.door import Door
from services.gateway.adapters.http_api import create
from services.gateway.adapters.http_server import HttpServer
from services.gateway.domain import Bounded, View
from tools.ports import free_port

PLANT = plants.load(Path("deploy/plants/demo.yaml"))
MOST_IMAGE = 1 << 20
SLACK = 1 << 16  # what uvicorn hands over at once, and what a form may have around a picture
TOKEN = "Authorization: Bearer ada"


class Tokens:
    async def verify(self, authorization: str) -> Principal:
        if authorization != "Bearer ada":
            raise Unauthenticated("no access token", field="authorization")
        return Principal("ada", "camera-smt1-aoi1", frozenset({"inspection.submit", "result.read"}), frozenset())


class Inspection:
    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def inspect(self, frame: Any) -> dict[str, Any]:
        self.seen.append(frame)
        return {"inspectionId": frame.inspection_id}


@dataclass
class Gate:
    """The gateway behind the real server; `taken` counts the bytes of bodies that it took from there."""

    port: int
    inspection: Inspection
    taken: int = 0

    async def send(self, *pieces: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Send the pieces and read the answer; the request need not be whole."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for piece in pieces:
            writer.write(piece)
        async with asyncio.timeout(20):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            status, *lines = head.splitlines()
            headers = dict(line.lower().split(": ", 1) for line in lines if line)
            body = await reader.readexactly(int(headers.get("content-length", 0)))
        writer.transport.abort()
        return int(status.split()[1]), headers, json.loads(body or b"{}")


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    inspection = Inspection()
    view = View(Bounded(1), Bounded(1), Bounded(1))
    door = Door(Tokens())
    app = create(PLANT, view, door, inspection, None, None, None, MOST_IMAGE, body_deadline_s=1.0)
    rules_api.install(app, PLANT, view, door, None)
    context_api.install(app, PLANT, door, None)
    gate = Gate(free_port(), inspection)

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        async def counting() -> Any:
            message = await receive()
            gate.taken += len(message.get("body", b""))
            return message

        await app(scope, counting, send)

    server = HttpServer(counted, f"127.0.0.1:{gate.port}")
    await server.start()
    yield gate
    await server.stop()


def head(what: str, *headers: str) -> bytes:
    return "\r\n".join((f"{what} HTTP/1.1", "Host: gateway", *headers, "", "")).encode()


def chunk(size: int) -> bytes:
    return f"{size:x}\r\n".encode() + b"x" * size + b"\r\n"


ENDLESS = "Transfer-Encoding: chunked"
FORM = "Content-Type: multipart/form-data; boundary=b"


@pytest.mark.parametrize(
    "what",
    ["POST /v1/inspections", "PUT /v1/products/x/golden", "POST /v1/sites/lyon/rules/proposals?reason=why", "PUT /v1"],
)
async def test_of_an_endless_body_without_a_token_nothing_is_taken(gate, what):
    status, headers, said = await gate.send(head(what, FORM, ENDLESS), chunk(1 << 16))

    assert (status, headers["www-authenticate"], said["field"]) == (401, "bearer", "authorization")
    assert gate.taken == 0


async def test_two_authorizations_are_none(gate):
    status, _, said = await gate.send(head("GET /v1/lines", TOKEN, "Authorization: Bearer bob"))
    assert (status, said["field"]) == (401, "authorization")
    assert (await gate.send(head("GET /v1/lines", TOKEN)))[0] == 200


@pytest.mark.parametrize(
    ("what", "most"),
    [
        ("POST /v1/inspections", MOST_IMAGE + SLACK),
        ("PUT /v1/products/x/golden", MOST_IMAGE + SLACK),
        ("POST /v1/sites/lyon/rules/proposals?reason=why", 1 << 18),
        ("PUT /v1/sites/lyon/lines/smt1/context", 1 << 16),
        ("GET /v1/lines", 1 << 16),
    ],
)
async def test_a_body_over_the_routes_limit_is_refused_whether_announced_or_not(gate, what, most):
    status, _, said = await gate.send(head(what, TOKEN, FORM, f"Content-Length: {1 << 40}"), b"x")
    assert (status, gate.taken) == (413, 0)
    assert str(most) in said["detail"] + said["fix"]

    pieces = [chunk(1 << 16)] * (most // (1 << 16) + 4)
    status, _, said = await gate.send(head(what, TOKEN, FORM, ENDLESS), *pieces)
    assert status == 413
    assert str(most) in said["detail"] + said["fix"]
    assert gate.taken <= most + 4 * SLACK


async def test_who_sends_too_slowly_is_answered_and_let_go(gate):
    status, headers, said = await gate.send(head("POST /v1/inspections", TOKEN, FORM, "Content-Length: 100"), b"x")

    assert (status, headers["content-type"]) == (408, "application/problem+json")
    assert "1 s" in said["detail"]


async def test_a_whole_form_comes_through_as_it_was_sent(gate):
    image = bytes(range(256)) * 4000  # more than one piece
    fields = {"site": "lyon", "line": "smt1", "station": "aoi1", "lot_id": "l", "part_sequence": "7", "product_id": "p"}
    parts = [f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'.encode() for n, v in fields.items()]
    parts += [b'--b\r\nContent-Disposition: form-data; name="image"; filename="i"\r\n\r\n', image, b"\r\n--b--\r\n"]
    body = b"".join(parts)

    for headers in ((f"Content-Length: {len(body)}",), ()):
        sent = body if headers else b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        status, _, said = await gate.send(head("POST /v1/inspections", TOKEN, FORM, *(headers or (ENDLESS,))), sent)
        assert status == 200, said
    assert [(frame.image == image, frame.part.part_sequence) for frame in gate.inspection.seen] == [(True, 7)] * 2


@pytest.mark.parametrize(
    ("what", "status", "kind"),
    [("GET /v1/nothing", 404, "notfound"), ("DELETE /v1/inspections", 405, "methodnotallowed")],
)
async def test_unknown_ways_are_problem_documents_too(gate, what, status, kind):
    found, headers, said = await gate.send(head(what, TOKEN))

    assert (found, headers["content-type"]) == (status, "application/problem+json")
    assert (said["status"], said["title"]) == (status, kind)
    if status == 405:
        assert headers["allow"] == "get, post"


async def test_an_unknown_query_parameter_is_refused_and_the_known_ones_are_named(gate):
    status, _, said = await gate.send(head("GET /v1/inspections?limt=3", TOKEN))
    assert (status, said["field"]) == (400, "limt")
    assert "limit" in said["fix"]
    status, _, said = await gate.send(head("GET /v1/lines?x=3", TOKEN))
    assert (status, said["fix"]) == (400, "this path knows none")
