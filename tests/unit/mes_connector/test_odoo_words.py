"""How Odoo says no, in both of its languages, without a socket."""

import json
import xmlrpc.client

import httpx
import pytest

from services.chassis.errors import Invalid
from services.contracts.mes import Mes
from services.mes_connector.adapters.odoo import open_odoo, open_odoo_rpc
from services.mes_connector.adapters.odoo_columns import columns
from services.mes_connector.adapters.odoo_options import Flow
from services.mes_connector.adapters.odoo_progress import Stages, stand
from services.mes_connector.domain.answer import Outcome
from services.mes_connector.domain.order import Order
from services.mes_connector.domain.progress import Filed, Status
from services.mes_connector.domain.work_request import Kind, Place, WorkRequest

URL = "https://odoo.plant"
REQUEST = WorkRequest(
    key="k1",
    episode_id="e1",
    kind=Kind.MAINTENANCE,
    title="open tracks",
    description="",
    priority=2,
    equipment_id="jidoka/lyon/electronics/smt1",
    place=Place("lyon", "smt1", "aoi1"),
    rule_id="in-a-row",
    defect_label="open",
    lot_id="",
    first_part_sequence=1,
    last_part_sequence=3,
    inspection_ids=(),
    trace_id="",
    requested_at=1_795_000_000.0,
)
ORDER = Order.new(REQUEST, traceparent="", now=1_795_000_000.0)
TRACEBACK = 'Traceback (most recent call last):\n  File "models.py", line 9, in load\n    raise X\n{}\n'


def over_json(handler):
    system = Mes(name="cmms", adapter="odoo", url=URL, options={"database": "plant"})
    return open_odoo(system, "k3y", 5.0, None, httpx.MockTransport(handler))


def over_xml(handler, secret: str = "k3y"):
    system = Mes(name="cmms", adapter="odoo-rpc", url=URL, options={"database": "plant", "login": "jidoka"})
    return open_odoo_rpc(system, secret, 5.0, None, httpx.MockTransport(handler))


def said(value) -> httpx.Response:
    return httpx.Response(200, content=xmlrpc.client.dumps((value,), methodresponse=True))


@pytest.mark.parametrize(
    ("status", "name", "outcome"),
    [
        (500, "builtins.ValueError", Outcome.REFUSED),
        (500, "builtins.KeyError", Outcome.REFUSED),
        (422, "odoo.exceptions.ValidationError", Outcome.REFUSED),
        (403, "odoo.exceptions.AccessError", Outcome.REFUSED),
        (403, "odoo.exceptions.AccessDenied", Outcome.LOCKED_OUT),
        (401, "werkzeug.exceptions.Unauthorized", Outcome.LOCKED_OUT),
        (409, "odoo.exceptions.LockError", Outcome.AWAY),
        (500, "psycopg2.errors.SerializationFailure", Outcome.AWAY),
        (500, "psycopg2.OperationalError", Outcome.AWAY),
        (500, "psycopg2.errors.NotNullViolation", Outcome.REFUSED),
        (500, "somebody.addon.Error", Outcome.AWAY),
    ],
)
async def test_odoos_name_of_an_error_counts_for_more_than_its_status(status, name, outcome):
    adapter = over_json(lambda _: httpx.Response(status, json={"name": name, "message": "told with k3y"}))

    answer = await adapter.probe()

    assert answer.outcome is outcome
    assert f"{name}: told with ***" in answer.reason


@pytest.mark.parametrize(
    ("code", "words", "outcome", "told"),
    [
        (1, TRACEBACK.format("ValueError: Invalid field name 'nam'"), Outcome.REFUSED, "Invalid field name 'nam'"),
        (1, TRACEBACK.format("psycopg2.errors.SerializationFailure: again"), Outcome.AWAY, "again"),
        (2, "Pick a team", Outcome.REFUSED, "Pick a team"),
        (3, "Access Denied", Outcome.LOCKED_OUT, "Access Denied"),
        (4, "You may not create", Outcome.REFUSED, "You may not create"),
    ],
)
async def test_a_fault_code_and_the_last_line_of_a_traceback_say_what_went_wrong(code, words, outcome, told):
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/common"):
            return said(7)
        return httpx.Response(200, content=xmlrpc.client.dumps(xmlrpc.client.Fault(code, words)))

    answer = await over_xml(handle).probe()

    assert answer.outcome is outcome
    assert told in answer.reason
    assert "Traceback" not in answer.reason


async def test_the_user_number_is_asked_for_once_and_again_after_a_refusal():
    asked = []

    def handle(request: httpx.Request) -> httpx.Response:
        service = request.url.path.rpartition("/")[2]
        asked.append(service)
        if service == "common":
            return said(7)
        refusal = xmlrpc.client.dumps(xmlrpc.client.Fault(3, "Access Denied"))
        return httpx.Response(200, content=refusal) if asked.count("object") == 2 else said({"uid": 7})

    adapter = over_xml(handle)
    outcomes = [(await adapter.probe()).outcome for _ in range(3)]

    assert outcomes == [Outcome.OPENED, Outcome.LOCKED_OUT, Outcome.OPENED]
    assert asked == ["common", "object", "object", "common", "object"]


async def test_a_login_that_odoo_does_not_know_locks_us_out_before_anything_is_asked():
    answer = await over_xml(lambda _: said(False)).probe()

    assert answer.outcome is Outcome.LOCKED_OUT
    assert "'jidoka'" in answer.reason


async def test_growing_entities_in_an_answer_are_no_answer():
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    bomb += "".join(f'<!ENTITY a{n} "{f"&a{n - 1 or str()};" * 10}">' for n in range(1, 9)) + "]>"
    answer = await over_xml(lambda _: httpx.Response(200, text=f"{bomb}<methodResponse>&a8;</methodResponse>")).probe()

    assert answer.failed


def test_what_is_empty_is_left_to_odoo_and_references_say_how_they_are_meant():
    filled = {"name": "x", "schedule_date": "", "a_id": "7", "b_id": "base.main_company", "c_id": "Team 1", "d": None}

    assert columns(filled) == {"name": "x", "a_id/.id": "7", "b_id/id": "base.main_company", "c_id": "Team 1"}


@pytest.mark.parametrize(
    ("flow", "row", "status"),
    [
        (Flow(), {"stage_id": [1, "New"], "archive": False}, Status.OPEN),
        (Flow(), {"stage_id": [2, "At it"], "archive": False}, Status.IN_PROGRESS),
        (Flow(), {"stage_id": [3, "Fixed"], "archive": True}, Status.COMPLETED),
        (Flow(), {"stage_id": [2, "At it"], "archive": True}, Status.CANCELLED),
        (Flow(archived="active"), {"stage_id": [2, "At it"], "active": True}, Status.IN_PROGRESS),
        (Flow(archived="active"), {"stage_id": [2, "At it"], "active": False}, Status.CANCELLED),
        (Flow(cancelled_stages=["Fixed"]), {"stage_id": [3, "Fixed"], "archive": False}, Status.CANCELLED),
        (Flow(), {"stage_id": False, "archive": False}, Status.OPEN),
    ],
)
def test_the_stage_tells_where_a_record_stands(flow, row, status):
    stages = Stages({1: {"done": False}, 2: {"done": False}, 3: {"done": True}}, first=1)
    told = stand(Filed("k1", "maintenance.request/5"), row | {"write_date": "2026-11-21 10:00:00"}, stages, flow)

    assert (told.status, told.changed_at) == (status, 1_795_255_200.0)


async def test_an_answer_without_ids_opens_nothing():
    adapter = over_json(lambda _: httpx.Response(200, json={"ids": [], "messages": []}))

    assert (await adapter.create(ORDER)).outcome is Outcome.UNKNOWN


async def test_every_call_names_database_and_key():
    seen = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append((request.headers["X-Odoo-Database"], request.headers["Authorization"], json.loads(request.content)))
        return httpx.Response(200, json={"uid": 7})

    await over_json(handle).probe()

    assert seen == [("plant", "bearer k3y", {})]


def test_options_name_what_is_missing():
    with pytest.raises(Invalid) as caught:
        open_odoo_rpc(Mes(name="cmms", adapter="odoo-rpc", url=URL, options={"database": "plant"}), "k", 5.0, None)

    assert caught.value.field == "mes.options.login"
