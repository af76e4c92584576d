"""One call to a plant system, without a socket."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from services.mes_connector.adapters.http import Http, Reply, legible, retry_after_s
from services.mes_connector.domain.answer import Answer, Outcome

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def http(handler, **options) -> Http:
    return Http(0.3, None, transport=httpx.MockTransport(handler), **options)


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
    assert retry_after_s({"Retry-After": value}, NOW) == seconds


async def test_several_calls_share_one_deadline():
    async def slow(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.2)
        return httpx.Response(200)

    client = http(slow)

    async def three() -> Answer:
        for _ in range(3):
            assert isinstance(await client.call("GET", "https://mes.plant"), Reply)
        return Answer(Outcome.OPENED)

    answer = await client.within(three(), lambda it: it)

    assert answer.outcome is Outcome.UNKNOWN
    assert "0.3 s" in answer.reason


async def test_a_redirect_is_not_followed_because_it_could_lead_anywhere():
    asked = []

    def elsewhere(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(302, headers={"Location": "https://evil.example/"})

    answer = await http(elsewhere).ask("GET", "https://mes.plant")

    assert isinstance(answer, Answer)
    assert answer.outcome is Outcome.AWAY
    assert asked == ["mes.plant"]


async def test_an_error_that_repeats_the_secret_is_told_without_it():
    def broken(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("cannot reach https://user:s3cret@mes.plant")

    answer = await http(broken, secrets=["s3cret", ""]).call("GET", "https://mes.plant")

    assert isinstance(answer, Answer)
    assert "***" in answer.reason
    assert "s3cret" not in answer.reason


def test_what_a_system_tells_becomes_one_line_that_a_database_takes():
    assert legible("WO\u0000\n1\ud800") == "WO 1"
    assert len(legible("x" * 1_000)) == 300
