"""The record of the OPC UA server is for auditors, and says what they ask."""

import httpx
import pytest
from front_door import browser, by, gateway

from services.gateway.adapters import audit_api
from services.gateway.domain import Bounded, View

DONE = [
    {"user": "anna", "act": "log in", "result": "Good"},
    {"user": "anna", "act": "call", "node": "ns=2;s=Vision/lyon/smt1/aoi1.RecipeManagement.PrepareRecipe"},
    {"user": "bert", "act": "call", "node": "ns=2;s=Jobs/lyon/smt1.Clear", "result": "BadUserAccessDenied"},
]


async def ask(role: str, **wanted: object) -> httpx.Response:
    view = View(Bounded(1), Bounded(1), Bounded(1))
    for number, entry in enumerate(DONE):
        view.audit.put(str(number), entry)
    app, door = gateway()
    audit_api.install(app, view, door)
    async with browser(app) as client:
        return await client.get("/v1/audit", params=wanted, headers=by(role))


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
