"""The edges without a socket: wire, HTTP headers, database address."""

import hashlib
import hmac
from datetime import UTC, datetime

import httpx
import pytest
from jidoka.frame.v1.frame_pb2 import StationPath
from jidoka.workrequest.v1 import workrequest_pb2 as wire

from services.chassis.errors import Invalid
from services.chassis.streams import Delivery
from services.mes_connector.adapters.bus import work_request
from services.mes_connector.adapters.database import async_url, open_engine
from services.mes_connector.adapters.webhook import _created, _found, body_of, retry_after_s, signed
from services.mes_connector.domain.answer import Outcome

STORED_AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
DELIVERY = Delivery("jidoka.v1.workrequest.requested.lyon.smt1.aoi1", 1, STORED_AT, redelivered=False)


def message(**changed) -> wire.WorkRequested:
    full = {
        "key": "k1",
        "kind": wire.WORK_REQUEST_KIND_MAINTENANCE,
        "title": "open tracks",
        "priority": 2,
        "equipment_id": "jidoka/lyon/electronics/smt1",
        "station": StationPath(site="lyon", line="smt1", station="aoi1"),
        "inspection_ids": ["i1", "i5"],
    }
    return wire.WorkRequested(**{**full, **changed})


def test_a_kind_that_is_not_specified_is_not_guessed():
    with pytest.raises(Invalid) as caught:
        work_request(message(kind=wire.WORK_REQUEST_KIND_UNSPECIFIED), DELIVERY)

    assert caught.value.field == "kind"


def test_a_request_without_a_station_names_the_field():
    with pytest.raises(Invalid) as caught:
        work_request(message(station=StationPath(site="lyon")), DELIVERY)

    assert caught.value.field == "station.line"


def test_the_body_says_when_it_was_asked_even_if_the_sender_did_not():
    body = body_of(work_request(message(), DELIVERY))

    assert body["created"] == "2026-11-20T12:00:00+00:00"
    assert (body["external_reference"], body["kind"], body["evidence"]) == ("k1", "maintenance", ["i1", "i5"])


def test_the_signature_covers_timestamp_and_body():
    headers = signed("s3cret", b'{"a":1}', 1_800_000_000.9)
    expected = hmac.new(b"s3cret", b'1800000000.{"a":1}', hashlib.sha256).hexdigest()

    assert headers == {"X-Jidoka-Timestamp": "1800000000", "X-Jidoka-Signature": f"sha256={expected}"}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("9" * 400, 86_400.0),
        ("Fri, 20 Nov 2026 12:02:00 GMT", 120.0),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0.0),
        ("Fri, 20 Nov 2026 12:02:00", 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("", 0.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value, seconds):
    assert retry_after_s({"Retry-After": value}, STORED_AT) == seconds


@pytest.mark.parametrize("body", ['{"id": null}', '{"id": ""}', "{}", "[]", "<html>welcome</html>", ""])
def test_a_success_without_an_order_number_is_looked_up_instead_of_believed(body):
    assert _created(httpx.Response(201, text=body)).outcome is Outcome.UNKNOWN


def test_an_order_number_of_any_type_becomes_one_legible_line():
    assert _created(httpx.Response(201, json={"id": 17})).external_id == "17"
    assert _created(httpx.Response(201, text='{"id": "WO\\u0000\\n1\\ud800"}')).external_id == "WO 1"


def test_an_mes_that_ignores_the_query_is_not_believed_with_somebody_elses_order():
    listed = [{"id": "WO-1", "external_reference": "other"}, {"id": "WO-2", "external_reference": "k1"}]

    assert _found(httpx.Response(200, json=listed[:1]), "k1").outcome is Outcome.ABSENT
    assert _found(httpx.Response(200, json=listed), "k1").external_id == "WO-2"


@pytest.mark.parametrize(
    "body", ["<html>log in</html>", "{}", '""', '{"items": []}', '["WO-1"]', '[{"id": "WO-1"}]', "17"]
)
def test_a_look_up_that_cannot_be_read_never_means_that_the_order_is_absent(body):
    assert _found(httpx.Response(200, text=body), "k1").outcome is Outcome.AWAY


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("sqlite:////tmp/outbox.sqlite", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:////tmp/outbox.sqlite", "sqlite+aiosqlite"),
        ("postgresql://mes@db.plant/jidoka", "postgresql+asyncpg"),
    ],
)
def test_a_plain_url_gets_our_driver(given, driver):
    assert async_url(given).drivername == driver


def test_the_password_comes_from_its_file_and_is_not_shown():
    url = async_url("postgresql://mes@db.plant/jidoka", "s3cret/@")

    assert url.password == "s3cret/@"
    assert "s3cret" not in str(url)


@pytest.mark.parametrize(
    ("given", "fix"),
    [
        ("postgresql://mes:s3cret@db.plant/jidoka", "database_password_file"),
        ("mysql://mes@db.plant/jidoka", "sqlite or postgresql"),
        ("sqlite://", "folder"),
        ("sqlite:////no/such/folder/outbox.sqlite", "folder"),
        ("outbox.sqlite", "sqlite:////path"),
    ],
)
def test_a_url_that_cannot_be_used_says_what_to_do(given, fix):
    with pytest.raises(Invalid, match=fix) as caught:
        async_url(given)

    assert caught.value.field == "database_url"
    assert "s3cret" not in str(caught.value)


async def test_an_engine_for_postgresql_can_be_built_without_a_server():
    engine = open_engine(async_url("postgresql://mes@db.plant/jidoka"), 5.0, None)

    assert engine.dialect.driver == "asyncpg"
    await engine.dispose()
