"""What is Odoo's own, live: kinds of maintenance, what people may change, rights, and the whole way of an order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from counterparts import ASKED_AT, EQUIPMENT, order
from incident_floor import lives_twice
from mes_floor import ROOT, Heard, ask, connector, live_settings_of, until_completed
from odoo_counterpart import OdooCounterpart
from servers import NatsServer, RedisServer, until

from services.chassis.bus import Bus
from services.mes_connector.domain.answer import Outcome
from services.mes_connector.domain.progress import Filed, Note, Status
from services.mes_connector.domain.work_request import Kind
from tools.plant.provision import provision

REQUEST_FIELDS = ("name", "maintenance_type", "priority", "schedule_date", "equipment_id", "maintenance_team_id")


async def opened(counterpart: OdooCounterpart, key: str = "k1", **changes) -> str:
    answer = await counterpart.mes.create(order(key, **changes))
    assert answer.outcome is Outcome.OPENED, answer.reason
    return answer.external_id


async def test_what_is_foretold_is_preventive_with_its_date_and_what_has_happened_is_corrective(counterpart):
    foretold = await opened(counterpart, "k1", priority=1)
    happened = await opened(counterpart, "k2", due_at=0.0, priority=4)

    prevented = await counterpart.read(foretold, *REQUEST_FIELDS)
    corrected = await counterpart.read(happened, *REQUEST_FIELDS, "description")

    due = datetime.fromtimestamp(ASKED_AT + 86_400, UTC).strftime("%Y-%m-%d %H:%M:%S")
    assert (prevented["maintenance_type"], prevented["schedule_date"], prevented["priority"]) == (
        "preventive",
        due,
        "3",
    )
    assert (corrected["maintenance_type"], corrected["schedule_date"], corrected["priority"]) == (
        "corrective",
        False,
        "0",
    )
    assert corrected["equipment_id"][0] == counterpart.odoo.equipment
    assert "look at the stencil &amp; &lt;nozzle 4&gt;" in corrected["description"]
    assert "jidoka replay i13" in corrected["description"]
    assert "Reference: k2" in corrected["description"]


async def test_a_request_that_is_sent_again_undoes_nothing_that_people_did_meanwhile(counterpart):
    number = await opened(counterpart)
    await counterpart.move(number, "In Progress")
    vals = {"name": "Nozzle 4 is bent", "priority": "0"}
    await counterpart.do("technician", "maintenance.request", "write", ids=[int(number.split("/")[1])], vals=vals)

    assert await opened(counterpart) == number

    row = await counterpart.read(number, "name", "priority", "stage_id")
    assert (row["name"], row["priority"], row["stage_id"][1]) == ("Nozzle 4 is bent", "0", "In Progress")


async def test_ten_that_ask_at_the_same_moment_get_one_request(counterpart):
    answers = await asyncio.gather(*(counterpart.mes.create(order("k1")) for _ in range(10)))

    assert Outcome.OPENED in {answer.outcome for answer in answers}
    assert {answer.outcome for answer in answers} <= {Outcome.OPENED, Outcome.AWAY, Outcome.UNKNOWN}, answers
    assert len({answer.external_id for answer in answers if answer.external_id}) == 1
    assert await counterpart.references() == ["k1"]
    assert (await counterpart.mes.create(order("k1"))).outcome is Outcome.OPENED


@pytest.mark.parametrize("reference", ["Camera line", "{team}", "maintenance.equipment_team_maintenance"])
async def test_a_quality_request_goes_to_the_team_that_the_plant_named_by_name_number_or_external_id(
    counterpart, reference
):
    reference = reference.format(team=counterpart.odoo.team)
    options = {"internal_quality": {"fields": {"maintenance_team_id": reference, "name": "Quality: {title}"}}}
    adapter = counterpart.reopened(options=options)

    answer = await adapter.create(order(kind=Kind.INTERNAL_QUALITY))

    row = await counterpart.read(answer.external_id, "name", "maintenance_team_id")
    team = "Internal Maintenance" if "." in reference else "Camera line"
    assert (row["name"], row["maintenance_team_id"][1]) == ("Quality: Open tracks on 3 boards in a row", team)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"nam": "{title}"}, "Invalid field name 'nam'"),
        ({"maintenance_type": "urgent"}, "'urgent' not found in selection field"),
        ({"maintenance_team_id": "Nobody"}, "No matching record found for name 'Nobody'"),
        ({"schedule_date": "next week"}, "next week"),
        ({"name": None}, "Missing required value"),
    ],
)
async def test_a_wrong_field_or_value_is_refused_for_good_in_odoos_words(counterpart, fields, words):
    adapter = counterpart.reopened(options={"maintenance": {"fields": fields}})

    answer = await adapter.create(order())

    assert answer.outcome is Outcome.REFUSED, answer.reason
    assert words in answer.reason
    assert await counterpart.references() == []


async def test_a_refused_request_is_taken_once_the_mapping_is_mended_although_odoo_remembers_its_external_id(
    counterpart,
):
    wrong = counterpart.reopened(options={"maintenance": {"fields": {"maintenance_type": "urgent"}}})
    assert (await wrong.create(order())).outcome is Outcome.REFUSED

    assert (await counterpart.mes.find("k1")).outcome is Outcome.ABSENT
    await opened(counterpart)

    assert (await counterpart.mes.find("k1")).outcome is Outcome.OPENED
    assert await counterpart.references() == ["k1"]


async def test_an_order_that_our_user_may_not_see_any_more_is_not_taken_for_deleted(counterpart):
    clerk = counterpart.reopened(login="clerk")
    number = (await clerk.create(order())).external_id
    assert number
    admin = {"owner_user_id": 2, "message_partner_ids": [[5]], "user_id": 2}
    await counterpart.do("admin", "maintenance.request", "write", ids=[int(number.split("/")[1])], vals=admin)

    (progress,) = (await clerk.progress([Filed("k1", number)])).orders
    again = await clerk.create(order())

    assert (again.outcome, again.external_id) == (Outcome.OPENED, number)
    assert await counterpart.references() == ["k1"]
    assert progress.status is Status.OPEN
    assert "may not see" in progress.remark


async def test_begun_and_done_are_told_by_the_stage_with_who_moved_it_and_when(counterpart):
    number = await opened(counterpart)
    seen = []
    for stage in ("In Progress", "Repaired"):
        await counterpart.move(number, stage)
        seen += (await counterpart.mes.progress([Filed("k1", number)])).orders

    assert [progress.status for progress in seen] == [Status.IN_PROGRESS, Status.COMPLETED]
    assert seen[1].remark == "Repaired, by technician"
    assert abs(seen[1].changed_at - datetime.now(UTC).timestamp()) < 300


async def test_scrapped_is_done_unless_the_plant_says_that_it_ends_the_work_undone(counterpart):
    number = await opened(counterpart)
    await counterpart.move(number, "Scrap")
    strict = counterpart.reopened(options={"flows": {"maintenance.request": {"cancelled_stages": ["Scrap"]}}})

    told = [(await adapter.progress([Filed("k1", number)])).orders[0].status for adapter in (counterpart.mes, strict)]

    assert told == [Status.COMPLETED, Status.CANCELLED]


async def test_a_note_mails_nobody_and_shows_what_was_written_instead_of_running_it(counterpart):
    number = await opened(counterpart)

    await counterpart.mes.comment(number, Note("n_1", "again: <script>alert(1)</script> 8 boards", 0.0))

    where = [["model", "=", "maintenance.request"], ["res_id", "=", int(number.split("/")[1])]]
    fields = ["body", "subtype_id"]
    rows = await counterpart.do(
        "technician", "mail.message", "search_read", domain=[*where, ["message_type", "=", "comment"]], fields=fields
    )
    assert len(rows) == 1
    assert rows[0]["subtype_id"][1] == "Note"  # internal: a comment would have gone out by mail
    assert "&lt;script&gt;" in rows[0]["body"]


async def test_who_may_do_nothing_hears_so_from_the_probe_and_not_from_the_first_incident(counterpart):
    onlooker = counterpart.reopened(login="onlooker")

    wrong = {finding.what for finding in await onlooker.examine() if not finding.good}
    answer = await onlooker.create(order())

    assert {"maintenance.request: create", "maintenance.request: read"} <= wrong
    assert answer.outcome is Outcome.REFUSED
    assert "not allowed" in answer.reason


async def test_a_database_that_is_not_there_kills_no_order(counterpart):
    answer = await counterpart.reopened(options={"database": "nowhere"}).create(order())

    assert answer.outcome is Outcome.AWAY


async def test_the_whole_way_from_a_request_on_the_broker_to_its_completion(counterpart, tmp_path):
    async with _connected(tmp_path, counterpart) as (bus, heard):
        for again in ("first", "second"):  # the same request, twice
            await ask(bus, "k1", msg_id=again)
        await ask(bus, "k2")
        await until(lambda: len(heard.opened) == 2, 60)
        numbers = {message.key: message.external_id for message in heard.opened}
        await counterpart.complete(numbers["k1"])
        await counterpart.cancel(numbers["k2"])
        await until(lambda: heard.cancelled, 60)
        await until_completed(bus, ["k1"], 60)

    assert sorted(await counterpart.references()) == ["k1", "k2"]
    assert [message.key for message in heard.cancelled] == ["k2"]


async def test_the_real_rules_are_reset_by_the_request_for_the_line_and_not_by_the_suppliers(counterpart, tmp_path):
    redis = RedisServer(tmp_path)
    try:
        async with _connected(tmp_path, counterpart) as (bus, heard):
            await lives_twice(bus, redis, heard, counterpart.complete)
    finally:
        redis.kill()

    assert len(await counterpart.references()) == 4


@contextlib.asynccontextmanager
async def _connected(folder: Path, counterpart: OdooCounterpart) -> AsyncIterator[tuple[Bus, Heard]]:
    """A broker, what is heard there, and a connector to this Odoo."""
    nats = NatsServer(folder / "jetstream")
    bus = Bus(nats.url, "test", "")
    try:
        await bus.start()
        await provision(bus)
        heard = Heard(bus)
        await heard.follower.start()
        async with connector(_settings(folder, nats, counterpart)):
            yield bus, heard
        await heard.follower.stop()
    finally:
        await bus.stop()
        nats.kill()


def _settings(folder: Path, nats: NatsServer, counterpart: OdooCounterpart) -> dict[str, str]:
    plant = yaml.safe_load((ROOT / "deploy/plants/demo.yaml").read_text())
    options = {"database": counterpart.odoo.database} | (
        {"login": "jidoka"} if counterpart.adapter == "odoo-rpc" else {}
    )
    plant["mes"] = {
        "name": "cmms",
        "adapter": counterpart.adapter,
        "url": counterpart.odoo.url,
        "options": options,
        "mapping": {"equipment": dict.fromkeys((EQUIPMENT, f"{EQUIPMENT}/aoi1"), "Stencil printer 1")},
    }
    return live_settings_of(folder, nats.url, plant, counterpart.secret())
