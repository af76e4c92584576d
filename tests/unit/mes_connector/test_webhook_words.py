"""The webhook in the words of a plant: templates, paths, and answers that look different."""

import hashlib
import hmac
import json
from dataclasses import replace

import httpx
import pytest

from services.chassis.errors import Invalid
from services.contracts.mes import Mapping, Mes
from services.mes_connector.adapters.template import Template, at_path
from services.mes_connector.adapters.webhook import open_webhook, signed
from services.mes_connector.domain.answer import Outcome
from services.mes_connector.domain.order import Order
from services.mes_connector.domain.progress import Filed, Note, Status
from services.mes_connector.domain.work_request import Kind, Place, WorkRequest

URL = "https://mes.plant/api"
REQUEST = WorkRequest(
    key="k1",
    episode_id="e1",
    kind=Kind.MAINTENANCE,
    title="open tracks {priority}",
    description="",
    priority=2,
    equipment_id="jidoka/lyon/electronics/smt1",
    place=Place("lyon", "smt1", "aoi1"),
    rule_id="r",
    defect_label="open",
    lot_id="L1",
    first_part_sequence=1,
    last_part_sequence=3,
    inspection_ids=("i1", "i3"),
    trace_id="",
    requested_at=1_795_000_000.0,
)
ORDER = Order.new(REQUEST, "", 0.0)
MAPPING = Mapping(
    equipment={"jidoka/lyon/electronics/smt1": "1000-SMT"}, priorities={"2": "HIGH"}, failures={"open": "F-17"}
)


def webhook(answers, mapping=MAPPING, **options):
    """The adapter in front of `answers(request)`."""
    system = Mes(name="plant", url=URL, mapping=mapping, options=options)
    return open_webhook(system, "s3cret", 5.0, None, httpx.MockTransport(answers))


def always(status: int, **content):
    return lambda _: httpx.Response(status, **content)


async def created_with(**content):
    return await webhook(always(201, **content)).create(ORDER)


async def found_in(**content):
    return await webhook(always(200, **content)).find("k1")


def test_the_body_speaks_the_plants_words_where_they_are_mapped():
    body = json.loads(webhook(always(201)).preview(ORDER).body)

    assert body["equipment_id"] == "1000-SMT"
    assert (body["priority"], body["failure_code"]) == ("HIGH", "F-17")
    assert body["rule"] == {
        "id": "r", "first_part_sequence": 1, "last_part_sequence": 3, "statistic": 0.0, "limit": 0.0
    }  # fmt: skip
    assert body["created"] == "2026-11-18T11:06:40+00:00"
    assert body["evidence"] == ["i1", "i3"]


def test_without_a_mapping_priorities_stay_numbers():
    assert json.loads(webhook(always(201), Mapping()).preview(ORDER).body)["priority"] == 2


def test_a_template_puts_words_where_the_plant_wants_them_and_never_twice():
    template = {"asset.id": "{equipment}", "asset.lots": ["{lot_id}"], "title": "[{kind}] {title}", "n": 7}

    body = json.loads(webhook(always(201), template=template).preview(ORDER).body)

    assert body == {
        "asset": {"id": "1000-SMT", "lots": ["L1"]},
        "title": "[maintenance] open tracks {priority}",
        "n": 7,
    }


@pytest.mark.parametrize(
    ("template", "field"),
    [
        ({"title": "{titel}"}, "mes.options.template"),
        ({"a": 1, "a.b": 2}, "mes.options.template.a.b"),
        ({"a.b": 1, "a": 2}, "mes.options.template.a"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused_at_start(template, field):
    with pytest.raises(Invalid) as caught:
        webhook(always(201), template=template)

    assert caught.value.field == field
    assert caught.value.fix


def test_a_path_leads_through_keys_and_positions_or_nowhere():
    document = {"data": [{"id": 1}, {"id": 2}]}

    assert at_path(document, "data.1.id") == 2
    assert at_path(document, "") is document
    assert [at_path(document, path) for path in ("data.2.id", "data.x", "data.0.id.more", "nothing")] == [None] * 4


def test_a_template_keeps_the_type_of_a_word_that_stands_alone():
    filled = Template({"a": "{list}", "b": "{list}!"}, frozenset({"list"}), "t").fill({"list": [1]})

    assert filled == {"a": [1], "b": "[1]!"}


def test_the_signature_covers_timestamp_and_body():
    headers = signed("s3cret", b'{"a":1}', 1_800_000_000.9)
    expected = hmac.new(b"s3cret", b'1800000000.{"a":1}', hashlib.sha256).hexdigest()

    assert headers == {"X-Jidoka-Timestamp": "1800000000", "X-Jidoka-Signature": f"sha256={expected}"}


async def test_equipment_that_nobody_mapped_is_refused_by_name_where_the_plant_wants_it_so():
    answer = await webhook(always(201), Mapping(), unmapped="refuse").create(ORDER)

    assert answer.outcome is Outcome.REFUSED
    assert answer.reason.startswith("equipment_id: ")
    assert "mes.mapping.equipment" in answer.reason


@pytest.mark.parametrize("body", ['{"id": null}', '{"id": ""}', "{}", "[]", "<html>welcome</html>", ""])
async def test_a_success_without_an_order_number_is_looked_up_instead_of_believed(body):
    assert (await created_with(text=body)).outcome is Outcome.UNKNOWN


async def test_an_order_number_of_any_type_becomes_one_legible_line():
    assert (await created_with(json={"id": 17})).external_id == "17"
    assert (await created_with(text='{"id": "WO\\u0000\\n1\\ud800"}')).external_id == "WO 1"


async def test_an_mes_that_ignores_the_query_is_not_believed_with_somebody_elses_order():
    listed = [{"id": "WO-1", "external_reference": "other"}, {"id": "WO-2", "external_reference": "k1"}]

    assert (await found_in(json=listed[:1])).outcome is Outcome.ABSENT
    assert (await found_in(json=listed)).external_id == "WO-2"


@pytest.mark.parametrize(
    "body", ["<html>log in</html>", "{}", '""', '{"items": []}', '["WO-1"]', '[{"id": "WO-1"}]', "17"]
)
async def test_a_look_up_that_cannot_be_read_never_means_that_the_order_is_absent(body):
    assert (await found_in(text=body)).outcome is Outcome.AWAY


async def test_a_system_with_other_paths_and_shapes_is_read_by_its_options():
    def answers(request: httpx.Request) -> httpx.Response:
        told = {
            "ticket": {"no": 9, "ref": "k1", "state": {"name": "erledigt"}, "at": "2026-11-21T10:00:00", "by": "Ann"}
        }
        return httpx.Response(200 if request.url.path in ("/api/ref/k1", "/api/tickets/9") else 404, json=told)

    adapter = webhook(
        answers,
        find_path="/ref/{key}", find_query="", found="ticket", reference="ref", number="no",
        order_path="/tickets/{number}", status="ticket.state.name", statuses={"erledigt": "completed"},
        changed_at="ticket.at", remark="ticket.by",
    )  # fmt: skip

    assert (await adapter.find("k1")).external_id == "9"
    assert (await adapter.find("k2")).outcome is Outcome.ABSENT
    (progress,) = (await adapter.progress([Filed("k1", "9")])).orders
    assert (progress.status, progress.remark) == (Status.COMPLETED, "Ann")
    assert progress.changed_at == 1_795_255_200.0


async def test_a_status_that_nobody_translated_closes_nothing_and_is_shown():
    adapter = webhook(always(200, json={"status": "wartet auf Teile"}))

    (progress,) = (await adapter.progress([Filed("k1", "WO-1")])).orders

    assert progress.status is Status.OPEN
    assert "wartet auf Teile" in progress.remark


async def test_a_system_without_comments_says_so_instead_of_losing_them():
    answer = await webhook(always(500), comments_path="").comment("WO-1", Note("n", "t", 0.0))

    assert answer.outcome is Outcome.REFUSED
    assert "comments_path" in answer.reason


async def test_an_order_number_cannot_lead_out_of_its_path():
    asked = []

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        return httpx.Response(404)

    await webhook(answers).progress([Filed("k1", "../../admin?x=1")])

    assert asked == ["/api/..%2F..%2Fadmin%3Fx%3D1"]


async def test_an_order_is_signed_with_the_time_of_its_claim_so_that_a_late_one_is_too_old_and_a_question_with_now():
    heard: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        heard.append(request)
        return httpx.Response(201, json={"id": "WO-1"}) if request.method == "POST" else httpx.Response(200, json=[])

    webhook = open_webhook(Mes(name="m", url=URL), "s3cret", 1.0, None, httpx.MockTransport(answer))
    claimed_at = 1_700_000_000.0
    await webhook.create(replace(ORDER, updated_at=claimed_at))
    await webhook.find("k1")

    created, asked = heard
    expected = signed("s3cret", created.content, claimed_at)
    assert {name: created.headers[name] for name in expected} == expected
    assert int(asked.headers["X-Jidoka-Timestamp"]) > claimed_at + 1_000_000
