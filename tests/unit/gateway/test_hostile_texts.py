"""Texts that are small on the way and large or deep inside are refused by name, and cost the gateway nothing."""

import copy
import hashlib
import hmac
from pathlib import Path

import httpx
import pytest
import yaml
from front_door import Broker, browser, by, gateway

from services.chassis.auth import Principal
from services.chassis.errors import Unauthenticated
from services.contracts import plant as plants
from services.gateway.adapters import context_api, rules_api
from services.gateway.adapters.door import Door
from services.gateway.adapters.http_api import create
from services.gateway.adapters.signatures import Seal
from services.gateway.domain import Bounded, View

DEMO = Path("deploy/plants/demo.yaml")
DOCUMENT = yaml.safe_load(DEMO.read_text())
PLANT = plants.load(DEMO)
PROPOSALS = "/v1/sites/lyon/rules/proposals"
MERGES = "a0: &a0 {k: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12))
LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def client(broker: Broker) -> httpx.AsyncClient:
    app, door = gateway({"alice": "quality-engineer", "max": "mes"})
    rules_api.install(app, PLANT, View(Bounded(9), Bounded(9), Bounded(9)), door, rules_api.BusRules(broker))
    context_api.install(app, PLANT, door, broker)
    return browser(app)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (MERGES, "alias"),
        (LAUGHS, "alias"),
        ("rule_set: {<<: {version: 1}}", "merge"),
        ("[" * 3000, "deep"),
        ("{a: " * 3000, "deep"),
        ("rule_set: [" + "a," * 100_000 + "]", "entries"),
        (f"rule_set: {{version: {'9' * 5000}}}", "YAML"),
        ("rule_set: {version: 9999-99-99}", "YAML"),
        ("rule_set: {version: 1}\n--- {}\n", "YAML"),
        (yaml.safe_dump({"rule_set": DOCUMENT["rule_set"] | {"version": 1 << 40}}), "version"),
        ("rule_set: {? [a, b] : c}", ""),
        ('rule_set: "\\ud800"', ""),
    ],
    ids=["merges", "laughs", "merge", "lists", "maps", "wide", "number", "date", "two", "version", "key", "surrogate"],
)
async def test_yaml_that_grows_is_refused_and_says_why(client, broker, text, says):
    answer = await client.post(PROPOSALS, params={"reason": "to see"}, content=text, headers=by("alice"))

    assert answer.status_code == 400, answer.text[:300]
    assert says in answer.text
    assert len(answer.text) < 5_000
    assert broker.said == []


async def test_a_whole_plant_file_is_no_hostile_text(client):
    document = copy.deepcopy(DOCUMENT)
    document["rule_set"]["version"] = 9
    answer = await client.post(
        PROPOSALS, params={"reason": "to see"}, content=yaml.safe_dump(document), headers=by("alice")
    )

    assert answer.status_code == 201, answer.text


class Camera:
    async def verify(self, authorization: str):
        return Principal("cam", "camera-smt1-aoi1", frozenset({"inspection.submit"}), frozenset())


class Inspection:
    async def inspect(self, frame) -> dict:
        return {"inspectionId": frame.inspection_id}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"context": "[" * 30_000}, "context"),
        ({"context": '{"a": "\\ud800"}'}, "context"),
        ({"context": '{"\\udfff": "a"}'}, "context"),
        ({"context": f'{{"a": {"9" * 5000}}}'}, "context"),
        ({"part_sequence": str(1 << 64)}, "part_sequence"),
        ({"part_sequence": "9" * 5000}, "part_sequence"),
    ],
)
async def test_a_camera_is_told_which_of_its_fields_is_no_good(changed, field):
    app = create(
        PLANT, View(Bounded(1), Bounded(1), Bounded(1)), Door(Camera()), Inspection(), None, None, None, 1 << 20
    )
    form = {"site": "lyon", "line": "smt1", "station": "aoi1", "lot_id": "l", "part_sequence": "1", "product_id": "p"}
    async with browser(app) as camera:
        answer = await camera.post("/v1/inspections", data=form | changed, files={"image": b"x"}, headers=by("cam"))

    assert answer.status_code == 400, answer.text[:300]
    assert answer.json()["field"].endswith(field)


@pytest.mark.parametrize("body", ["[" * 60_000, '{"lot": "\\ud800"}', f'{{"lot": {"9" * 5000}}}', '{"lot": NaN}'])
async def test_json_that_is_deep_or_no_text_is_refused(client, broker, body):
    headers = by("max") | {"Content-Type": "application/json"}
    answer = await client.put("/v1/sites/lyon/lines/smt1/context", content=body, headers=headers)

    assert answer.status_code == 400, answer.text[:300]
    assert broker.said == []


def test_a_signed_report_of_a_time_with_5000_digits_is_not_of_now():
    stamp, body = "9" * 5000, b"{}"
    sign = hmac.new(b"s", stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    with pytest.raises(Unauthenticated, match="not of now"):
        Seal("s").check({"X-Jidoka-Timestamp": stamp, "X-Jidoka-Signature": f"sha256={sign}"}, body)
