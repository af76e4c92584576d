"""The gateway's doors without a socket: people are believed who they are, and what is said is written down."""

import time
from collections.abc import Mapping
from types import SimpleNamespace

import httpx
from fastapi import FastAPI

from services.chassis.auth import Principal
from services.chassis.bus import Stored
from services.gateway.adapters import http_errors
from services.gateway.adapters.door import Door


class Tokens:
    """Whoever says his name is believed; a name that is nobody's is a role."""

    def __init__(self, people: Mapping[str, str]) -> None:
        self._people = people

    async def verify(self, authorization: str) -> Principal:
        name = authorization.removeprefix("Bearer ")
        return Principal(name, "hmi", frozenset(), frozenset({self._people.get(name, name)}))


class Broker:
    """What was published, in order."""

    def __init__(self) -> None:
        self.said: list[tuple] = []
        self.clock = SimpleNamespace(now_s=time.time)

    async def publish(self, *said) -> Stored:
        self.said.append(said)
        return Stored(len(self.said), duplicate=False)


def gateway(people: Mapping[str, str] | None = None) -> tuple[FastAPI, Door]:
    """An app to install endpoints in, and the door that they are given."""
    app = FastAPI()
    http_errors.install(app)
    return app, Door(Tokens(people or {}))


def browser(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")


def by(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}
