"""ERPNext beyond the common suite: its constraints, its words, its time zone."""

import json

import httpx
import pytest
from counterparts import order, section
from erpnext_standin import OPTIONS, URL, ErpNextStandIn

from services.chassis.errors import Invalid
from services.mes_connector.adapters.erpnext import open_erpnext
from services.mes_connector.domain.answer import Outcome
from services.mes_connector.domain.progress import Filed, Status
from services.mes_connector.domain.work_request import Kind


@pytest.fixture
def erp() -> ErpNextStandIn:
    return ErpNextStandIn()


async def test_a_reference_that_is_taken_is_the_order_that_we_wanted(erp):
    first = await erp.mes.create(order())

    again = await erp.mes.create(order())

    assert (again.outcome, again.external_id) == (Outcome.OPENED, first.external_id)
    assert await erp.references() == ["k1"]


async def test_another_unique_field_that_is_taken_is_a_refusal_and_no_success(erp):
    inner = erp.faults._inner

    async def act(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return await inner.handle_async_request(request)
        return httpx.Response(417, json={"exc_type": "UniqueValidationError", "exception": "Serial No must be unique"})

    erp.faults._act = act

    answer = await erp.mes.create(order())

    assert answer.outcome is Outcome.REFUSED
    assert "Serial No must be unique" in answer.reason


async def test_a_kind_that_the_plant_gave_no_document_is_refused_and_never_looked_for(erp):
    del erp.documents["Non Conformance"]
    bare = erp.reopened(options={})

    refused = await bare.create(order(kind=Kind.SUPPLIER_QUALITY))

    assert (refused.outcome, "mes.options.supplier_quality" in refused.reason) == (Outcome.REFUSED, True)
    assert (await bare.find("k1")).outcome is Outcome.ABSENT


async def test_a_document_that_lacks_a_field_is_refused_in_erpnexts_words(erp):
    bare = erp.reopened(options={"supplier_quality": {"doctype": "Non Conformance"}})  # without its procedure

    answer = await bare.create(order(kind=Kind.SUPPLIER_QUALITY))

    assert answer.outcome is Outcome.REFUSED
    assert "MandatoryError [Non Conformance, new]: procedure" in answer.reason


@pytest.mark.parametrize(
    ("exception", "status", "outcome"),
    [
        ("TimestampMismatchError", 417, Outcome.AWAY),
        ("DocumentLockedError", 417, Outcome.AWAY),
        ("ValidationError", 417, Outcome.REFUSED),
        ("PermissionError", 403, Outcome.REFUSED),
        ("SessionStopped", 503, Outcome.AWAY),
    ],
)
async def test_frappes_exceptions_mean_what_they_say_rather_than_their_status(erp, exception, status, outcome):
    erp.faults.answer(status, json.dumps({"exc_type": exception, "exception": "told"}))

    answer = await erp.mes.create(order())

    assert answer.outcome is outcome
    assert exception in answer.reason


def test_times_are_the_sites_and_the_reference_stands_in_its_field(erp):
    shown = json.loads(erp.reopened(options=OPTIONS | {"timezone": "Europe/Paris"}).preview(order()).body)

    assert shown["failure_date"] == "2026-11-18 12:06:40"
    assert shown["custom_vis_ref"] == "k1"
    assert shown["description"].startswith("Open tracks on 3 boards in a row\n")


def test_text_for_people_is_escaped_where_erpnext_shows_html(erp):
    shown = json.loads(erp.mes.preview(order(kind=Kind.INTERNAL_QUALITY)).body)

    assert "stencil &amp; &lt;nozzle 4&gt;" in shown["details"]


async def test_an_inspection_is_done_when_somebody_submitted_it_and_void_when_cancelled(erp):
    rows = {"Q1": (0, Status.OPEN), "Q2": (1, Status.COMPLETED), "Q3": (2, Status.CANCELLED)}
    body = {
        "data": [{"name": name, "docstatus": docstatus, "status": "Rejected"} for name, (docstatus, _) in rows.items()]
    }
    erp.faults.answer(200, json.dumps(body))

    polled = await erp.mes.progress([Filed(f"k{name}", f"Quality Inspection/{name}") for name in rows])

    assert {it.external_id.partition("/")[2]: it.status for it in polled.orders} == {
        name: status for name, (_, status) in rows.items()
    }


async def test_a_completed_repair_tells_what_was_done(erp):
    number = (await erp.mes.create(order())).external_id
    await erp.complete(number)

    (progress,) = (await erp.mes.progress([Filed("k1", number)])).orders

    assert progress.remark == "nozzle 4 cleaned"
    assert progress.changed_at == 1_795_255_200.123456


def test_a_time_zone_that_does_not_exist_is_named():
    with pytest.raises(Invalid) as caught:
        open_erpnext(section("erpnext", URL, options={"timezone": "Mars/Olympus"}), "a:b", 5.0, None)

    assert caught.value.field == "mes.options.timezone"
