"""SAP beyond the common suite: tokens, ETags, lengths and codes."""

import json

import httpx
import pytest
from counterparts import SECRET, order, section
from sap_standin import URL, SapStandIn

from services.chassis.errors import Invalid
from services.mes_connector.adapters.http import Reply
from services.mes_connector.adapters.sap import open_sap
from services.mes_connector.adapters.sap_entity import reference
from services.mes_connector.adapters.sap_wire import unix, words
from services.mes_connector.domain.answer import Outcome
from services.mes_connector.domain.progress import Filed, Note, Status
from services.mes_connector.domain.work_request import Kind

NOTE = Note("note-1", "signalled again", 1_795_000_100.0)


@pytest.fixture
def sap() -> SapStandIn:
    return SapStandIn()


async def test_a_token_that_died_with_its_session_is_fetched_again_once(sap):
    assert (await sap.mes.create(order("k1"))).outcome is Outcome.OPENED
    sap.end_sessions()

    assert (await sap.mes.create(order("k2"))).outcome is Outcome.OPENED
    assert await sap.references() == ["k1", "k2"]


async def test_a_token_that_is_never_taken_ends_in_a_refusal_and_not_in_a_loop(sap):
    asked = []

    async def act(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        if request.method == "GET":
            return httpx.Response(200, json={"d": {}}, headers={"X-CSRF-Token": "t"})
        return httpx.Response(403, text="CSRF token validation failed", headers={"X-CSRF-Token": "Required"})

    sap.faults._act = act

    answer = await sap.mes.create(order())

    assert answer.outcome is Outcome.REFUSED
    assert asked == ["GET", "POST", "GET", "POST"]


async def test_no_property_is_longer_than_sap_has_room_for_and_our_whole_reference_stands_in_the_text(sap):
    answer = await sap.mes.create(order("k" * 128, title="x" * 300, description="y" * 5_000))

    assert answer.outcome is Outcome.OPENED, answer.reason
    assert await sap.references() == ["k" * 128]


def test_references_are_20_capitals_and_digits_and_differ():
    assert reference("k1") != reference("k2")
    assert all(len(reference(key)) == 20 and reference(key).isupper() for key in ("k1", "x" * 128))


async def test_codes_of_the_catalogue_are_sent_where_the_plant_mapped_them_and_never_guessed(sap):
    mapped = sap.reopened(mapping={"failures": {"open": "PCB/D001"}, "causes": {"tool": "TOOL/C7"}})

    body = json.loads(mapped.preview(order(cause_code="tool")).body)

    (item,) = body["to_Item"]
    assert (item["MaintNotifDamageCodeGroup"], item["MaintNotificationDamageCode"]) == ("PCB", "D001")
    assert item["to_ItemCause"] == [{"MaintNotifCauseCodeGroup": "TOOL", "MaintNotificationCauseCode": "C7"}]
    assert "to_Item" not in json.loads(sap.mes.preview(order(cause_code="tool")).body)


def test_dates_and_times_are_the_systems_own(sap):
    body = json.loads(sap.reopened(options={"timezone": "Asia/Tokyo"}).preview(order()).body)

    assert body["MalfunctionStartDate"] == "/Date(1794960000000)/"  # 2026-11-18
    assert body["MalfunctionStartTime"] == "PT20H06M40S"
    assert body["RequiredEndDate"] == "/Date(1795046400000)/"


async def test_a_defect_is_found_by_the_reference_in_front_of_its_text(sap):
    number = (await sap.mes.create(order(kind=Kind.SUPPLIER_QUALITY, qty_defective=3))).external_id

    assert number.startswith("A_Defect/")
    assert (await sap.mes.find("k1")).external_id == number
    (row,) = sap.rows["API_DEFECT_SRV"].values()
    assert row["DefectText"].startswith(reference("k1")[:16] + " Open tracks")
    assert (row["Material"], row["NumberOfDefects"]) == ("PCB-9", 3)
    row["IsDeleted"] = "X"
    assert [it.status for it in (await sap.mes.progress([Filed("k1", number)])).orders] == [Status.CANCELLED]


async def test_a_service_that_the_plant_does_not_use_need_not_be_active(sap):
    del sap.rows["API_DEFECT_SRV"]
    system = section("sap", URL)
    bare = open_sap(system, SECRET, 5.0, None, sap.faults)

    refused = await bare.create(order(kind=Kind.SUPPLIER_QUALITY))

    assert (refused.outcome, "mes.options.supplier_quality" in refused.reason) == (Outcome.REFUSED, True)
    assert (await bare.find("k1")).outcome is Outcome.ABSENT


async def test_a_comment_does_not_overwrite_what_somebody_else_wrote_meanwhile(sap):
    number = (await sap.mes.create(order())).external_id
    inner, meddled = sap.faults._inner, []

    async def act(request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH" and not meddled:
            meddled.append(True)
            row = sap._row(number)
            row |= {"MaintNotificationLongText": row["MaintNotificationLongText"] + "\nAnn: on my way", "etag": 9}
        return await inner.handle_async_request(request)

    sap.faults._act = act

    assert (await sap.mes.comment(number, NOTE)).outcome is Outcome.OPENED
    told = await sap.comments(number)
    assert told[0] == "Ann: on my way"
    assert told[1].startswith("signalled again")


async def test_a_notification_that_changes_all_the_time_gets_its_comment_later(sap):
    number = (await sap.mes.create(order())).external_id
    inner = sap.faults._inner

    async def act(request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH":
            return httpx.Response(412, text="changed")
        return await inner.handle_async_request(request)

    sap.faults._act = act

    assert (await sap.mes.comment(number, NOTE)).outcome is Outcome.AWAY


async def test_a_long_text_that_is_full_is_said_instead_of_cut(sap):
    number = (await sap.mes.create(order())).external_id

    answer = await sap.mes.comment(number, Note("note-1", "x" * 1_300, 0.0))

    assert answer.outcome is Outcome.REFUSED
    assert "1333" in answer.reason


async def test_work_in_process_is_told_with_its_order(sap):
    number = (await sap.mes.create(order())).external_id
    sap._row(number).update(NotifProcessingPhase="3", MaintenanceOrder="4000012")

    (progress,) = (await sap.mes.progress([Filed("k1", number)])).orders

    assert (progress.status, progress.remark) == (Status.IN_PROGRESS, "maintenance order 4000012")
    assert progress.changed_at == 1_795_000_000.0


async def test_the_client_is_named_in_every_call():
    asked = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("sap-client"))
        return httpx.Response(200, json={"d": {"results": []}}, headers={"X-CSRF-Token": "t"})

    system = section("sap", URL, options={"client": "100"})
    adapter = open_sap(system, "a:b", 5.0, None, httpx.MockTransport(handle))
    await adapter.find("k1")
    await adapter.create(order())

    assert set(asked) == {"100"}


def test_a_secret_without_a_password_is_named():
    with pytest.raises(Invalid) as caught:
        open_sap(section("sap", URL), "only-a-user", 5.0, None)

    assert "only-a-user" not in str(caught.value)


@pytest.mark.parametrize(
    ("told", "at"), [("/Date(1795000000000)/", 1_795_000_000.0), ("/Date(-1000+0060)/", -1.0), ("", 0.0), (None, 0.0)]
)
def test_odata_dates_are_read(told, at):
    assert unix(told) == at


@pytest.mark.parametrize("body", [b"", b"<html/>", b"[]", b'{"error": "x"}', b'{"error": {"code": "1"}}'])
def test_an_error_that_is_not_saps_is_told_as_it_came(body):
    assert words(Reply("POST", 400, {}, body)) == body.decode()
