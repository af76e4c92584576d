"""R2: a client of the REST API that keeps its pictures says when it took and when it sends them."""

from typing import Annotated

import pytest
from fastapi import Depends
from front_door import browser, gateway
from google.protobuf.timestamp_pb2 import Timestamp

from services.gateway.adapters.frame_times import times

FIELDS = ("captured_at", "sent_at")


async def asked(**form: str) -> tuple[int, dict]:
    app, _ = gateway()

    @app.post("/")
    async def show(shot: Annotated[dict[str, Timestamp], Depends(times)]) -> dict[str, float]:
        return {name: stamp.ToNanoseconds() / 1e9 for name, stamp in shot.items()}

    async with browser(app) as client:
        answer = await client.post("/", data=form)
        return answer.status_code, answer.json()


async def test_who_says_nothing_took_it_when_it_came_and_the_gateways_clock_does_not_matter():
    status, said = await asked()

    assert status == 200
    assert said["captured_at"] == said["sent_at"]


async def test_both_times_are_passed_on_as_they_were_said():
    status, said = await asked(captured_at="2026-11-30T10:00:00.25Z", sent_at="2026-11-30T11:02:00+01:00")

    assert status == 200
    assert said["sent_at"] - said["captured_at"] == pytest.approx(119.75, abs=1e-3)


async def test_a_client_that_does_not_say_when_it_sends_is_believed():
    _, said = await asked(captured_at="2026-11-30T10:00:00Z")

    assert list(said) == ["captured_at"]


async def test_who_says_only_when_it_is_sent_took_it_then():
    _, said = await asked(sent_at="2026-11-30T10:00:00Z")

    assert said["captured_at"] == said["sent_at"]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("text", ["noon", "2026-11-30T10:00:00", "0001-01-01T00:00:00+14:00", "9999-99-99T00:00:00Z"])
async def test_what_is_no_time_is_the_clients_mistake(field: str, text: str):
    status, problem = await asked(**{field: text})

    assert status == 400
    assert field in problem["field"]
