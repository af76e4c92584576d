"""Rules change when two people want it, and only if they are rules."""

from pathlib import Path

import httpx
import pytest
import yaml
from front_door import browser, by, gateway
from google.protobuf.json_format import MessageToDict

from services.chassis.bus import Stored
from services.contracts import plant as plants
from services.contracts.rule_set import text_of
from services.gateway.adapters import rules_api
from services.gateway.domain import Bounded, View

PLANT = plants.load(Path("deploy/plants/demo.yaml"))
DOCUMENT = yaml.safe_load(Path("deploy/plants/demo.yaml").read_text())
PEOPLE = {"alice": "quality-engineer", "quentin": "quality-engineer", "oscar": "operator"}
PROPOSALS = "/v1/sites/lyon/rules/proposals"


class Broker:
    """The bus, and the gateway's own reader behind it."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.said: list[tuple[str, dict]] = []

    async def publish(self, subject: str, message, msg_id: str) -> Stored:
        fact = MessageToDict(message)
        self.said.append((subject, fact))
        (self.view.on_rules_proposed if ".proposed." in subject else self.view.on_rules_changed)(fact)
        return Stored(len(self.said), duplicate=False)


@pytest.fixture
def broker() -> Broker:
    return Broker(View(Bounded(10), Bounded(10), Bounded(10)))


@pytest.fixture
def client(broker: Broker) -> httpx.AsyncClient:
    app, door = gateway(PEOPLE)
    rules_api.install(app, PLANT, broker.view, door, rules_api.BusRules(broker))
    return browser(app)


def changed(**rule) -> str:
    rules = [DOCUMENT["rule_set"]["rules"][0] | rule, *DOCUMENT["rule_set"]["rules"][1:]]
    return yaml.safe_dump({"rule_set": DOCUMENT["rule_set"] | {"version": 9, "rules": rules}})


async def proposed(client: httpx.AsyncClient, text: str, name: str = "alice") -> httpx.Response:
    return await client.post(PROPOSALS, params={"reason": "runs are shorter now"}, content=text, headers=by(name))


async def test_one_proposes_and_another_approves(client, broker):
    answer = await proposed(client, changed(k=4))
    assert answer.status_code == 201, answer.text
    sha256 = answer.json()["sha256"]
    shown = (await client.get("/v1/sites/lyon/rules", headers=by("oscar"))).json()
    assert [p["proposedBy"] for p in shown["proposals"]] == ["alice"]

    answer = await client.post(f"{PROPOSALS}/{sha256}/approval", headers=by("quentin"))
    assert answer.status_code == 200, answer.text

    subject, fact = broker.said[-1]
    assert subject == "jidoka.v1.rules.approved.lyon.all.all"
    assert (fact["proposedBy"], fact["approvedBy"], fact["version"]) == ("alice", "quentin", 9)
    assert fact["reason"] == "runs are shorter now"
    wanted = plants.Plant.model_validate(DOCUMENT | yaml.safe_load(changed(k=4)))
    assert fact["rulesJson"] == text_of(wanted.rule_set, wanted.labels())
    shown = (await client.get("/v1/sites/lyon/rules", headers=by("oscar"))).json()
    assert shown["inForce"]["sha256"] == sha256
    assert shown["proposals"] == []


async def test_nobody_approves_what_he_has_proposed_himself(client, broker):
    sha256 = (await proposed(client, changed(k=4))).json()["sha256"]
    answer = await client.post(f"{PROPOSALS}/{sha256}/approval", headers=by("alice"))

    assert answer.status_code == 403
    assert "another quality engineer" in answer.json()["fix"]
    assert len(broker.said) == 1
    # Nor by proposing it again under another's name: who asked first stays the proposer.
    await proposed(client, changed(k=4), "quentin")
    assert (await client.post(f"{PROPOSALS}/{sha256}/approval", headers=by("alice"))).status_code == 403


async def test_an_operator_may_do_neither(client):
    sha256 = (await proposed(client, changed(k=4))).json()["sha256"]

    assert (await proposed(client, changed(k=6), "oscar")).status_code == 403
    assert (await client.post(f"{PROPOSALS}/{sha256}/approval", headers=by("oscar"))).status_code == 403


@pytest.mark.parametrize(
    ("text", "field", "says"),
    [
        (changed(k=1), "rule_set.rules.0.k", "2 or more"),
        (changed(kind="runs"), "rule_set.rules.0.kind", "there is no kind 'runs'"),
        (changed(of={"defect": "opn"}), "rule_set.rules.0.of.defect", "did you mean 'open'?"),
        ("a: [", "body", "not YAML"),
        ("just text", "rule_set", ""),
    ],
)
async def test_what_are_no_rules_is_refused_with_line_field_and_fix(client, broker, text, field, says):
    answer = await proposed(client, text)

    assert answer.status_code == 400, answer.text
    assert answer.json()["field"] == field
    assert says in answer.text
    assert broker.said == []


async def test_an_unknown_site_or_proposal_is_said_so(client):
    answer = await client.post(
        "/v1/sites/nice/rules/proposals", params={"reason": "why"}, content=changed(k=4), headers=by("alice")
    )
    assert (answer.status_code, answer.json()["fix"]) == (404, "known: lyon")

    answer = await client.post(f"{PROPOSALS}/{'0' * 64}/approval", headers=by("quentin"))
    assert (answer.status_code, answer.json()["fix"]) == (404, "propose the rules again")
