"""The record of the OPC UA server is for auditors, and says what they ask."""

import httpx
import pytest
from fastapi import FastAPI

from services.chassis.auth import Principal
from services.gateway.adapters import audit_api, http_errors
from services.gateway.adapters.http_api import Door
from services.gateway.domain import Bounded, View

DONE = [
    {"user": "anna", "act": "log in", "result": "Good"},
    {"user": "anna", "act": "call", "node": "ns=2;s=Vision/lyon/smt1/aoi1.RecipeManagement.PrepareRecipe"},
    {"user": "bert", "act": "call", "node": "ns=2;s=Jobs/lyon/smt1.Clear", "result": "BadUserAccessDenied"},
]


class Tokens:
    async def verify(self, authorization: str) -> Principal:
        return Principal("somebody", "hmi", frozenset(), frozenset({authorization.removeprefix("Bearer ")}))


async def ask(role: str, **wanted: object) -> httpx.Response:
    view = View(Bounded(1), Bounded(1), Bounded(1))
    for number, entry in enumerate(DONE):
        view.audit.put(str(number), entry)
    app = FastAPI()
    http_errors.install(app)
    audit_api.install(app, view, Door(Tokens()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        return await client.get("/v1/audit", params=wanted, headers={"Authorization": f"Bearer {role}"})


@pytest.mark.parametrize("role", ["auditor", "admin"])
async def test_what_was_done_is_listed_newest_first(role):
    assert (await ask(role)).json() == DONE[::-1]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"user": "anna"}, [1, 0]),
        ({"result": "BadUserAccessDenied"}, [2]),
        ({"act": "call", "limit": 1}, [2]),
        ({"act": "call", "node": "aoi1"}, [1]),
        ({"user": "carl"}, []),
    ],
)
async def test_it_can_be_narrowed(wanted, found):
    assert (await ask("auditor", **wanted)).json() == [DONE[number] for number in found]


@pytest.mark.parametrize("role", ["viewer", "operator", "quality-engineer", "mes", "maintenance"])
async def test_nobody_else_reads_it(role):
    assert (await ask(role)).status_code == 403
