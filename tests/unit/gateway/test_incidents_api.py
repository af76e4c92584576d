"""Who works at the line says that an incident is over, and why; nobody else does, and of no line that is not there."""

from pathlib import Path

import pytest
from front_door import Broker, browser, by, gateway

from services.contracts import plant as plants
from services.gateway.adapters import incidents_api, warnings_api
from services.gateway.domain import Bounded, View

PLANT = plants.load(Path("deploy/plants/demo.yaml"))
PEOPLE = {"oscar": "operator", "alice": "quality-engineer", "vera": "viewer"}
EPISODE = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def broker() -> Broker:
    return Broker()


FOUND = {"episodeId": EPISODE, "ruleId": "run", "defectLabel": "open", "station": {"station": "aoi1"}}


@pytest.fixture
def view() -> View:
    view = View(Bounded(9), Bounded(9), Bounded(9))
    view.on_warned("lyon/smt1", {**FOUND, "warningId": "w1", "warnedAt": "T1", "text": "five in a row"})
    view.on_contained("lyon/smt1", {**FOUND, "revision": 1, "firstPartSequence": "7", "lastPartSequence": "11"})
    view.on_contained("lyon/smt1", {**FOUND, "revision": 2, "firstPartSequence": "7", "lastPartSequence": "13"})
    view.on_workrequest("k1", "REQUESTED", {"key": "k1", "episodeId": EPISODE, "title": "clean the stencil"})
    view.on_work_updated("lyon/smt1", {**FOUND, "key": "k1", "signals": 4, "text": "it goes on"})
    return view


@pytest.fixture
def client(broker: Broker, view: View):
    app, door = gateway(PEOPLE)
    incidents_api.install(app, PLANT, view, door, broker)
    warnings_api.install(app, view, door)
    return browser(app)


@pytest.fixture
def close(client):

    async def post(name: str, line: str = "smt1", episode: str = EPISODE, reason: str = "stencil cleaned"):
        url = f"/v1/lines/lyon/{line}/incidents/{episode}/closure"
        return await client.post(url, params={"reason": reason}, headers=by(name))

    return post


@pytest.mark.parametrize("name", ["oscar", "alice"])
async def test_the_people_of_the_line_close_an_incident_and_the_stream_knows_who_and_why(close, broker, name):
    answer = await close(name)

    assert (answer.status_code, answer.json()) == (200, {"episodeId": EPISODE, "closedBy": name})
    ((subject, message, msg_id),) = broker.said
    assert (subject, msg_id) == ("jidoka.v1.incident.closed.lyon.smt1.all", f"{EPISODE}:closed")
    assert (message.episode_id, message.closed_by, message.reason) == (EPISODE, name, "stencil cleaned")
    assert message.closed_at.seconds > 0


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"name": "vera"}, 403),
        ({"name": "oscar", "line": "smt9"}, 404),
        ({"name": "oscar", "episode": "f" * 32}, 404),
        ({"name": "oscar", "reason": ""}, 422),
        ({"name": "oscar", "episode": "all"}, 422),
    ],
)
async def test_without_the_right_a_reason_or_a_known_line_nothing_is_said(close, broker, asked, status):
    assert (await close(**asked)).status_code in {status, 400 if status == 422 else status}
    assert broker.said == []


async def test_an_incident_shows_what_every_kind_of_fact_said_of_it_and_its_orders(client, view):
    view.on_incident("lyon/smt1", "closure", {"episodeId": EPISODE, "closedBy": "oscar", "reason": "cleaned"})
    view.on_incident("lyon/smt2", "resume", {"episodeId": "other", "resumedAt": "T2"})

    shown = (await client.get(f"/v1/incidents/{EPISODE}", headers=by("vera"))).json()
    orders = shown.pop("workRequests")
    assert shown == {
        "episodeId": EPISODE,
        "line": "lyon/smt1",
        "station": "aoi1",
        "ruleId": "run",
        "defectLabel": "open",
        "warning": {"warnedAt": "T1", "text": "five in a row"},
        "containment": {"revision": 2, "firstPartSequence": "7", "lastPartSequence": "13"},
        "update": {"signals": 4, "text": "it goes on"},
        "closure": {"closedBy": "oscar", "reason": "cleaned"},
    }
    assert [(order["key"], order["status"], order["lastUpdate"]["signals"]) for order in orders] == [
        ("k1", "REQUESTED", 4)
    ]
    listed = (await client.get("/v1/incidents", headers=by("vera"))).json()
    assert [one["episodeId"] for one in listed] == ["other", EPISODE]
    listed = (await client.get("/v1/incidents", params={"line": "lyon/smt1"}, headers=by("vera"))).json()
    assert [one["episodeId"] for one in listed] == [EPISODE]
    assert (await client.get(f"/v1/incidents/{'e' * 32}", headers=by("vera"))).status_code == 404


async def test_warnings_and_the_parts_to_set_aside_can_be_read_and_the_newest_revision_holds(client):
    (warning,) = (await client.get("/v1/warnings", headers=by("vera"))).json()
    assert (warning["warningId"], warning["line"], warning["text"]) == ("w1", "lyon/smt1", "five in a row")
    (contained,) = (await client.get("/v1/containments", headers=by("vera"))).json()
    assert (contained["revision"], contained["lastPartSequence"]) == (2, "13")
    for path in ("/v1/warnings", "/v1/containments", "/v1/incidents"):
        assert (await client.get(path, params={"line": "lyon/smt9"}, headers=by("vera"))).json() == []
        assert (await client.get(path, headers=by("camera"))).status_code == 403
