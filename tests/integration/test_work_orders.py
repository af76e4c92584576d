"""One order per work request, whatever fails: the real connector, a real broker, and the MES sandbox as a process."""

import hashlib
import hmac
import time
from pathlib import Path

import httpx
import pytest
from jidoka.workrequest.v1 import workrequest_pb2 as wire
from mes_floor import (
    EQUIPMENT,
    PATIENT,
    PLACE,
    SECRET,
    Sandbox,
    ask,
    connector,
    connector_process,
    outbox,
    settings_of,
)
from servers import NatsServer, until

from services.contracts.subjects import WORK_REQUESTED
from services.mes_connector.handlers.gate import PAUSED


@pytest.fixture
def settings(tmp_path: Path, nats_server: NatsServer, sandbox: Sandbox) -> dict[str, str]:
    return settings_of(tmp_path, nats_server, sandbox)


async def test_a_request_that_comes_twice_opens_one_order_in_the_trace_that_fired(bus, settings, sandbox, heard):
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    async with connector(settings):
        for msg_id in ("first", "again"):  # beyond the broker's duplicate window ids differ
            await ask(bus, "k1", msg_id, trace=f"00-{trace_id}-b7ad6b7169203331-01")
        await ask(bus, "k2")
        await until(lambda: len(heard.opened) == 2)

    orders = {order["external_reference"]: order for order in sandbox.orders()}
    opened = {message.key: message for message in heard.opened}
    assert sandbox.references() == ["k1", "k2"]
    assert orders["k1"]["traceparent"].split("-")[1] == trace_id
    assert orders["k1"]["request"]["equipment_id"] == EQUIPMENT
    assert opened["k1"].external_id == orders["k1"]["id"]
    assert (opened["k1"].system, opened["k1"].episode_id) == ("sandbox", "episode-of-k1")


async def test_sixty_requests_through_a_bad_mes_become_sixty_orders_and_only_the_unmappable_die(
    bus, settings, sandbox, heard
):
    sandbox.behave(fail_rate=0.25, lose_reply_rate=0.25, fail_after_commit_rate=0.1)
    good = {f"good-{number:02d}" for number in range(60)}
    bad = {f"bad-{number}" for number in range(4)}
    async with connector(settings):
        for key in sorted(good | bad):
            await ask(bus, key, equipment=EQUIPMENT if key in good else "jidoka/lyon/electronics/unknown")
            await until(lambda key=key: key in outbox(settings, "key"))
        await until(lambda: len(heard.opened) + len(heard.dead) == 64, PATIENT)

    assert sum(outbox(settings, "attempts")) > 64 + 15  # the faults did strike
    sandbox.behave()
    assert sandbox.references() == sorted(good)
    assert sorted(message.key for message in heard.opened) == sorted(good)
    assert sorted(message.key for message in heard.dead) == sorted(bad)
    assert all("not in the asset register" in message.reason for message in heard.dead)


async def test_a_connector_killed_between_the_post_and_its_commit_opens_no_second_order(bus, settings, sandbox, heard):
    settings["mes_deadline_s"] = "0.8"
    sandbox.behave(lose_reply_rate=1)
    with connector_process(settings) as process:
        await ask(bus, "k1")
        await until(lambda: sandbox.references() == ["k1"])
        process.kill()
    assert outbox(settings) == ["INFLIGHT"]  # it died with the order in hand
    assert heard.opened == []

    sandbox.behave()
    with connector_process(settings):
        await until(lambda: heard.opened)

    assert sandbox.references() == ["k1"]
    assert heard.opened[0].external_id == sandbox.orders()[0]["id"]


async def test_an_order_opened_while_the_broker_is_away_is_announced_although_the_connector_dies_too(
    bus, settings, sandbox, heard, nats_server
):
    sandbox.behave(fail_rate=1)
    with connector_process(settings) as process:
        await ask(bus, "k1")
        await until(lambda: any(outbox(settings, "attempts")))
        nats_server.kill()
        sandbox.behave()
        await until(lambda: outbox(settings) == ["SENT"])
        process.kill()
    assert outbox(settings, "announced") == [0]

    nats_server.start()
    with connector_process(settings):
        await until(lambda: outbox(settings, "announced") == [1])
    await until(lambda: heard.opened)
    assert [message.key for message in heard.opened] == ["k1"]


async def test_refused_credentials_pause_the_connector_and_kill_no_order(bus, settings, sandbox, heard, caplog):
    sandbox.behave(fail_rate=1, status=401)
    async with connector(settings, give_up_s="0.1"):
        for key in ("k1", "k2", "k3"):
            await ask(bus, key)
        await until(lambda: outbox(settings) == ["NEW"] * 3 and PAUSED._value.get() == 2)
        first_attempts = outbox(settings, "attempts")
        await until(lambda: time.time() - max(outbox(settings, "created_at")) > 0.5)  # far beyond give_up_s
        assert outbox(settings) == ["NEW"] * 3
        assert outbox(settings, "attempts") == first_attempts  # probes ask, orders wait
        sandbox.behave()
        await until(lambda: len(heard.opened) == 3)

    assert heard.dead == []
    assert sandbox.references() == ["k1", "k2", "k3"]
    assert sum("ALARM" in record.message for record in caplog.records) == 1


async def test_an_mes_that_was_down_gets_everything_when_it_is_back(bus, settings, sandbox, heard):
    sandbox.kill()
    async with connector(settings):
        for number in range(10):
            await ask(bus, f"k{number}")
            await until(lambda number=number: len(outbox(settings)) == number + 1)
        await until(lambda: PAUSED._value.get() == 1)
        assert "SENT" not in outbox(settings)
        sandbox.start()
        await until(lambda: len(heard.opened) == 10)

    assert sandbox.references() == [f"k{number}" for number in range(10)]


async def test_an_order_that_could_not_be_placed_for_too_long_goes_to_people(bus, settings, sandbox, heard):
    sandbox.behave(fail_rate=1)
    async with connector(settings, give_up_s="0.5"):
        await ask(bus, "k1")
        await until(lambda: heard.dead)

    assert sandbox.people.post(sandbox.url.replace("workrequests", "behaviour"), json={}).is_success
    assert heard.dead[0].reason.startswith("given up after")
    assert "503" in heard.dead[0].reason
    assert sandbox.references() == []


async def test_what_no_mes_could_take_is_parked_and_does_not_stop_the_next(bus, settings, sandbox, heard):
    async with connector(settings):
        await bus.publish(WORK_REQUESTED.at(PLACE), wire.WorkRequested(key="k0", title="no kind"), "k0")
        await ask(bus, "k1")
        await until(lambda: heard.opened)
    parked = await bus.jetstream.pull_subscribe("jidoka.v1.dead.mes-connector.>", stream="DEAD")
    (message,) = await parked.fetch(1, timeout=5)

    assert message.headers["jidoka-dead-reason"].startswith("kind: ")
    assert sandbox.references() == ["k1"]


def signed_headers(secret: str, body: bytes, age_s: float = 0) -> dict[str, str]:
    timestamp = str(int(time.time() - age_s))
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Jidoka-Timestamp": timestamp, "X-Jidoka-Signature": f"sha256={digest}"}


def test_the_sandbox_takes_only_what_is_signed_lately_with_the_right_secret(sandbox):
    body = b'{"external_reference":"k1","kind":"maintenance","title":"t","priority":2,"equipment_id":"%b"}'
    body %= EQUIPMENT.encode()
    good = signed_headers(SECRET, body)
    refused = [
        {},
        signed_headers("wrong-secret", body),
        signed_headers(SECRET, body + b" "),
        signed_headers(SECRET, body, age_s=301),
        {**good, "X-Jidoka-Timestamp": "1"},
        {"Authorization": "Bearer wrong"},
    ]
    json_type = {"Content-Type": "application/json"}
    with httpx.Client(trust_env=False) as client:
        statuses = [
            client.post(sandbox.url, content=body, headers=json_type | headers).status_code for headers in refused
        ]
        control = client.post(sandbox.url, content=body, headers=json_type | good)

    assert statuses == [401] * len(refused)
    assert (control.status_code, control.json()) == (201, {"id": "WO-000001"})
    assert sandbox.references() == ["k1"]


def test_an_answered_order_survives_the_death_of_the_sandbox_and_can_be_completed(sandbox):
    order = {"external_reference": "k1", "kind": "maintenance", "title": "t", "priority": 2, "equipment_id": EQUIPMENT}
    number = sandbox.people.post(sandbox.url, json=order).json()["id"]
    sandbox.kill()
    sandbox.start()

    assert sandbox.people.post(f"{sandbox.url}/{number}/complete").json()["status"] == "completed"
    assert sandbox.people.get(sandbox.url, params={"external_reference": "k1"}).json()[0]["id"] == number
    assert sandbox.people.post(f"{sandbox.url}/WO-000099/complete").status_code == 404
