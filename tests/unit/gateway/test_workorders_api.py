"""Who may have a dead order tried again, and whose word about an order counts."""

import hashlib
import hmac
import json
import time
from pathlib import Path

import httpx
import pytest
from front_door import Broker, browser, by, gateway

from services.contracts import plant as plants
from services.gateway.adapters import context_api, workorders_api
from services.gateway.adapters.signatures import Seal
from services.gateway.domain import Bounded, View

PLANT = plants.load(Path("deploy/plants/demo.yaml"))
PEOPLE = {"maxim": "maintenance", "oscar": "operator", "mes": "mes"}
NOW, SECRET = 1_800_000_000.0, "progress-secret"
DEAD = {"key": "k1", "reason": "422 unknown asset", "deadLetteredAt": "2026-11-21T10:00:00Z"}
REPORT = {"external_reference": "k1", "status": "completed", "remark": "nozzle changed"}


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def view() -> View:
    return View(Bounded(9), Bounded(9), Bounded(9))


@pytest.fixture
def client(broker: Broker, view: View) -> httpx.AsyncClient:
    app, door = gateway(PEOPLE)
    workorders_api.install(app, view, door, broker, "sandbox", Seal(SECRET, lambda: NOW))
    context_api.install(app, PLANT, door, broker)
    return browser(app)


def sealed(body: bytes, secret: str = SECRET, at: float | str = NOW) -> dict[str, str]:
    stamp = at if isinstance(at, str) else f"{at:.0f}"
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Jidoka-Timestamp": stamp, "X-Jidoka-Signature": f"sha256={digest}"}


async def test_maintenance_has_a_dead_order_tried_again_once_per_death(client, broker, view):
    view.on_workrequest("k1", "DEAD_LETTERED", DEAD)
    answers = [await client.post("/v1/workorders/k1/requeue", headers=by("maxim")) for _ in range(2)]
    view.on_workrequest("k1", "DEAD_LETTERED", {**DEAD, "deadLetteredAt": "2026-11-21T11:00:00Z"})
    await client.post("/v1/workorders/k1/requeue", headers=by("maxim"))

    assert [answer.status_code for answer in answers] == [202, 202]
    subject, message, first = broker.said[0]
    assert subject == "jidoka.v1.workrequest.requeued.all.all.all"
    assert (message.key, message.requeued_by) == ("k1", "maxim")
    ids = [msg_id for _, _, msg_id in broker.said]
    assert (ids[1], len(set(ids))) == (first, 2)


@pytest.mark.parametrize(
    ("who", "key", "status", "answer"),
    [
        ("oscar", "k1", "DEAD_LETTERED", 403),
        ("maxim", "k1", "OPENED", 409),
        ("maxim", "k1", "COMPLETED", 409),
        ("maxim", "other", "DEAD_LETTERED", 404),
    ],
)
async def test_nobody_else_and_nothing_else_is_tried_again(client, broker, view, who, key, status, answer):
    view.on_workrequest("k1", status, DEAD)

    assert (await client.post(f"/v1/workorders/{key}/requeue", headers=by(who))).status_code == answer
    assert broker.said == []


async def test_an_order_that_has_ended_is_not_opened_again_by_a_fact_that_comes_late(view):
    for status in ("REQUESTED", "DEAD_LETTERED", "OPENED", "COMPLETED", "OPENED", "REQUESTED"):
        view.on_workrequest("k1", status, {"key": "k1"})

    assert view.workrequests.get("k1")["status"] == "COMPLETED"


async def test_what_the_mes_signs_is_said_in_the_mesh_under_an_id_that_repeats(client, broker):
    body = json.dumps(REPORT).encode()
    for _ in range(2):
        answer = await client.post("/v1/mes/sandbox/progress", content=body, headers=sealed(body))

    assert answer.status_code == 202
    (subject, message, first), (_, _, second) = broker.said
    assert subject == "jidoka.v1.workrequest.reported.all.all.all"
    assert (message.key, message.system, message.status, message.remark) == ("k1", "sandbox", 3, "nozzle changed")
    assert first == second


BODY = json.dumps(REPORT).encode()


@pytest.mark.parametrize(
    ("body", "headers", "name", "answer"),
    [
        (BODY, {}, "sandbox", 401),
        (BODY, sealed(BODY, secret="another"), "sandbox", 401),
        (BODY + b" ", sealed(BODY), "sandbox", 401),
        (BODY, sealed(BODY, at=NOW - 301), "sandbox", 401),
        (BODY, sealed(BODY, at=NOW + 301), "sandbox", 401),
        (BODY, {**sealed(BODY), "X-Jidoka-Timestamp": "soon"}, "sandbox", 401),
        (BODY, sealed(BODY, at="1" * 5_000), "sandbox", 401),
        (BODY, sealed(BODY), "another", 404),
        (b"{}", sealed(b"{}"), "sandbox", 400),
        (b"<x/>", sealed(b"<x/>"), "sandbox", 400),
        (b" " * 70_000, sealed(b" " * 70_000), "sandbox", 400),
    ],
)
async def test_what_is_forged_stale_too_big_or_no_report_is_refused(client, broker, body, headers, name, answer):
    assert (await client.post(f"/v1/mes/{name}/progress", content=body, headers=headers)).status_code == answer
    assert broker.said == []


async def test_the_mes_says_what_a_line_works_on_and_only_what_it_said(client, broker):
    said = {"lot": "L7", "supplier": "A", "recipe": "pcb"}
    before_s = time.time()
    answer = await client.put("/v1/sites/lyon/lines/smt1/context", json=said, headers=by("mes"))

    assert (answer.status_code, answer.json()) == (202, said)
    ((subject, message, _),) = broker.said
    assert subject == "jidoka.v1.context.declared.lyon.smt1.all"
    assert (message.lot_id, message.supplier, message.recipe, message.tool) == ("L7", "A", "pcb", "")
    assert message.source == "rest:mes"
    assert message.changed_at.ToNanoseconds() / 1e9 >= before_s - 1


@pytest.mark.parametrize(
    ("who", "line", "said", "answer"),
    [
        ("oscar", "smt1", {"lot": "L7"}, 403),
        ("mes", "smt9", {"lot": "L7"}, 404),
        ("mes", "smt1", {"lot": "L7", "station": "aoi9"}, 404),
        ("mes", "smt1", {"recipe": "unheard-of"}, 400),
        ("mes", "smt1", {}, 400),
        ("mes", "smt1", {"lot": "a\nb"}, 400),
        ("mes", "smt1", {"lot": "x" * 129}, 400),
        ("mes", "smt1", {"colour": "red"}, 400),
    ],
)
async def test_a_context_that_no_line_could_use_is_refused(client, broker, who, line, said, answer):
    url = f"/v1/sites/lyon/lines/{line}/context"

    assert (await client.put(url, json=said, headers=by(who))).status_code == answer
    assert broker.said == []
