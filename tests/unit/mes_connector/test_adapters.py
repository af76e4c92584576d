"""The edges without a socket: wire, HTTP headers, database address."""

from datetime import UTC, datetime

import pytest
from jidoka.frame.v1.frame_pb2 import StationPath
from jidoka.workrequest.v1 import workrequest_pb2 as wire

from services.chassis.errors import Invalid
from services.chassis.streams import Delivery
from services.mes_connector.adapters.bus import work_request
from services.mes_connector.adapters.database import async_url, open_engine

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


def test_a_password_for_sqlite_is_a_mistake_and_not_a_traceback():
    with pytest.raises(Invalid, match="postgresql") as caught:
        async_url("sqlite:////tmp/outbox.sqlite", "s3cret")

    assert caught.value.field == "database_password_file"


async def test_an_engine_for_postgresql_can_be_built_without_a_server():
    engine = open_engine(async_url("postgresql://mes@db.plant/jidoka"), 5.0, None)

    assert engine.dialect.driver == "asyncpg"
    await engine.dispose()
