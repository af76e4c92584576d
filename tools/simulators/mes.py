"""A small MES for the demo and the tests: takes work orders over a signed webhook, and fails on demand.

Machines sign: X-Jidoka-Signature = `sha256=` + hex HMAC-SHA256 of X-Jidoka-Timestamp + "." + body, at most 5 minutes
old. People bring the static token. It does not recognise a repeated order (few plant systems do) unless told to
`--deduplicate`, so a client that asks twice shows. Orders are in SQLite before they are answered. People start,
complete, cancel and delete them.
"""

import asyncio
import hashlib
import hmac
import random
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tools.simulators.mes_orders import Orders

_SILENCE_S = 60.0
_STATUS_AFTER = {"start": "in_progress", "complete": "completed", "cancel": "cancelled"}
Share = Annotated[float, Field(ge=0, le=1)]


class WorkOrder(BaseModel):
    """What must be in a request; whatever else is in it is kept."""

    model_config = ConfigDict(extra="allow")

    external_reference: str = Field(min_length=1)
    kind: str = Field(min_length=1)
    title: str = Field(min_length=1)
    priority: int = Field(ge=1, le=4)
    equipment_id: str = Field(min_length=1)


class Comment(BaseModel):
    """A person's or a machine's word about an order; whatever else is in it is kept."""

    model_config = ConfigDict(extra="allow")

    id: str = Field(min_length=1)
    text: str = Field(min_length=1, max_length=4_000)


class Behaviour(BaseModel):
    """How it fails, until it is told otherwise."""

    model_config = ConfigDict(extra="forbid")

    fail_rate: Share = 0.0
    """Share of calls answered with `status` before anything is done."""
    lose_reply_rate: Share = 0.0
    """Share of orders that are opened and never answered."""
    fail_after_commit_rate: Share = 0.0
    """Share of orders that are opened and answered with 502."""
    status: int = Field(default=503, ge=300, le=599)
    retry_after_s: float | None = Field(default=None, ge=0)
    """Sent as Retry-After with `status`, rounded up to whole seconds."""
    down: bool = False
    """Everything but /livez and /behaviour is answered with 503."""


class Doorman:
    """Lets in who signs with the secret, or brings the people's token."""

    def __init__(self, secret: str, token: str, tolerance_s: float) -> None:
        self._secret = secret.encode()
        self._tolerance_s = tolerance_s
        self._token = token

    async def __call__(self, request: Request) -> None:
        """Raises 401 saying what is wrong with the proof."""
        if self._token and hmac.compare_digest(
            request.headers.get("Authorization", "").encode(), f"Bearer {self._token}".encode()
        ):
            return
        timestamp = request.headers.get("X-Jidoka-Timestamp", "")
        signature = request.headers.get("X-Jidoka-Signature", "")
        signed = timestamp.encode() + b"." + await request.body()
        expected = "sha256=" + hmac.new(self._secret, signed, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            raise HTTPException(401, "the signature does not fit: check the shared secret")
        if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > self._tolerance_s:
            raise HTTPException(401, f"the timestamp is not within {self._tolerance_s:g} s of now: check the clock")


class Mood:
    """Decides which calls go wrong, reproducibly."""

    def __init__(self, behaviour: Behaviour, seed: int) -> None:
        self.behaviour = behaviour
        self._random = random.Random(seed)

    def strikes(self, rate: float) -> bool:
        """Whether this one goes wrong."""
        return self._random.random() < rate

    def check(self) -> None:
        """Raises the failure that this call gets, if it gets one."""
        now = self.behaviour
        if now.down or self.strikes(now.fail_rate):
            headers = {} if now.retry_after_s is None else {"Retry-After": str(-int(-now.retry_after_s // 1))}
            raise HTTPException(503 if now.down else now.status, "told to fail", headers)


async def _silence(request: Request) -> Response:
    """Say nothing until the client has gone."""
    ends = time.monotonic() + _SILENCE_S
    while time.monotonic() < ends and not await request.is_disconnected():  # noqa: ASYNC110  # no event tells
        await asyncio.sleep(0.02)
    return Response(status_code=504)


def build(orders: Orders, doorman: Doorman, mood: Mood, equipment: frozenset[str], deduplicate: bool) -> FastAPI:
    """The application; with `equipment` given, any other is refused."""
    app = FastAPI(title="Jidoka MES sandbox", docs_url=None, redoc_url=None, openapi_url=None)
    known = [Depends(doorman)]

    @app.get("/livez")
    async def livez() -> str:
        return "alive"

    @app.post("/behaviour", dependencies=known)
    async def behave(behaviour: Behaviour) -> Behaviour:
        mood.behaviour = behaviour
        return behaviour

    @app.post("/workrequests", dependencies=known)
    async def create(order: WorkOrder, request: Request) -> Response:
        mood.check()
        if equipment and order.equipment_id not in equipment:
            raise HTTPException(422, f"equipment {order.equipment_id!r} is not in the asset register")
        key = request.headers.get("Idempotency-Key", "")
        if deduplicate and key and (same := orders.select("idempotency_key = ?", key)):
            return JSONResponse({"id": same[0]["id"]})
        trace = request.headers.get("traceparent", "")
        number = orders.add(order.external_reference, order.model_dump_json(), key, trace)
        if mood.strikes(mood.behaviour.lose_reply_rate):
            return await _silence(request)
        if mood.strikes(mood.behaviour.fail_after_commit_rate):
            raise HTTPException(502, "told to fail after the commit")
        return JSONResponse({"id": number}, 201)

    _add_reading(app, orders, mood, known)
    _add_changing(app, orders, mood, known)
    return app


def _one(orders: Orders, order_id: str) -> dict[str, Any]:
    number = order_id.removeprefix("WO-")
    found = orders.select("number = ?", int(number)) if number.isdecimal() else []
    if not found:
        raise HTTPException(404, f"no order {order_id!r}")
    return found[0]


def _add_reading(app: FastAPI, orders: Orders, mood: Mood, known: list[Any]) -> None:

    @app.get("/workrequests", dependencies=known)
    async def every(external_reference: str | None = None) -> list[dict[str, Any]]:
        mood.check()
        return orders.select("external_reference = ?", external_reference) if external_reference else orders.select()

    @app.get("/workrequests/{order_id}", dependencies=known)
    async def read(order_id: str) -> dict[str, Any]:
        mood.check()
        return _one(orders, order_id)

    @app.get("/workrequests/{order_id}/comments", dependencies=known)
    async def comments(order_id: str) -> list[dict[str, Any]]:
        mood.check()
        return orders.comments(_one(orders, order_id)["number"])


def _add_changing(app: FastAPI, orders: Orders, mood: Mood, known: list[Any]) -> None:
    @app.post("/workrequests/{order_id}/comments", dependencies=known, status_code=201)
    async def comment(order_id: str, said: Comment, request: Request) -> Response:
        mood.check()
        orders.comment(_one(orders, order_id)["number"], said.model_dump())
        if mood.strikes(mood.behaviour.lose_reply_rate):
            return await _silence(request)
        return JSONResponse({"id": said.id}, 201)

    @app.post("/workrequests/{order_id}/{change}", dependencies=known)
    async def change(order_id: str, change: Literal["start", "complete", "cancel"]) -> dict[str, Any]:
        mood.check()
        orders.move(_one(orders, order_id)["number"], _STATUS_AFTER[change])
        return _one(orders, order_id)

    @app.delete("/workrequests/{order_id}", dependencies=known, status_code=204)
    async def delete(order_id: str) -> None:
        mood.check()
        orders.delete(_one(orders, order_id)["number"])


class _Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        print("READY", flush=True)


def main(
    *,
    port: Annotated[int, typer.Option(help="on loopback")],
    database: Annotated[Path, typer.Option(help="SQLite file of the orders")],
    secret_file: Annotated[Path, typer.Option(help="the secret that machines sign with")],
    token_file: Annotated[Path | None, typer.Option(help="the bearer token of people")] = None,
    known_equipment: Annotated[list[str] | None, typer.Option(help="refuse any other (repeatable)")] = None,
    deduplicate: Annotated[bool, typer.Option(help="honour Idempotency-Key")] = False,
    tolerance_s: Annotated[float, typer.Option(min=0, help="how old a signature may be")] = 300.0,
    fail_rate: Annotated[float, typer.Option(min=0, max=1)] = 0.0,
    lose_reply_rate: Annotated[float, typer.Option(min=0, max=1)] = 0.0,
    fail_after_commit_rate: Annotated[float, typer.Option(min=0, max=1)] = 0.0,
    seed: int = 1,
) -> None:
    """Run the MES sandbox on 127.0.0.1 until told to stop; prints READY once it listens."""
    behaviour = Behaviour(
        fail_rate=fail_rate, lose_reply_rate=lose_reply_rate, fail_after_commit_rate=fail_after_commit_rate
    )
    token = token_file.read_text().strip() if token_file else ""
    doorman = Doorman(secret_file.read_text().strip(), token, tolerance_s)
    app = build(Orders(database), doorman, Mood(behaviour, seed), frozenset(known_equipment or ()), deduplicate)
    _Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)).run()


if __name__ == "__main__":
    typer.run(main)
