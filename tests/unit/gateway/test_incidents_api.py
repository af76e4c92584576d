"""Who works at the line says that an incident is over, and why; nobody else does, and of no line that is not there."""

from pathlib import Path

import pytest
from front_door import Broker, browser, by, gateway

from services.contracts import plant as plants
from services.gateway.adapters import incidents_api

PLANT = plants.load(Path("deploy/plants/demo.yaml"))
PEOPLE = {"oscar": "operator", "alice": "quality-engineer", "vera": "viewer"}
EPISODE = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def close(broker: Broker):
    app, door = gateway(PEOPLE)
    incidents_api.install(app, PLANT, door, broker)
    client = browser(app)

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
        ({"name": "oscar", "reason": ""}, 422),
        ({"name": "oscar", "episode": "all"}, 422),
    ],
)
async def test_without_the_right_a_reason_or_a_known_line_nothing_is_said(close, broker, asked, status):
    assert (await close(**asked)).status_code in {status, 400 if status == 422 else status}
    assert broker.said == []
