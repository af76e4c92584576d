"""A live Tryton behind the real connector: requests become tasks and alerts, and their end comes back."""

import asyncio
from pathlib import Path

import pytest
import yaml
from incident_floor import lives_twice
from jidoka.frame.v1.frame_pb2 import StationPath
from jidoka.workrequest.v1 import workrequest_pb2 as wire
from mes_floor import EQUIPMENT, PLACE, ROOT, connector, live_settings_of, until_completed
from servers import NatsServer, until

from services.chassis.bus import Bus
from services.contracts.subjects import WORK_REQUESTED, WORK_UPDATED
from tools.tryton.live import DATABASE, DROPPED, PASSWORD, LiveTryton

AT = StationPath(site=PLACE.site, line=PLACE.line, station=PLACE.station)


@pytest.fixture
def settings(tmp_path: Path, nats_server: NatsServer, live_tryton: LiveTryton) -> dict[str, str]:
    plant = yaml.safe_load((ROOT / "deploy/plants/demo.yaml").read_text())
    options = {"database": DATABASE, "login": "jidoka", "control": live_tryton.control}
    plant["mes"] = {
        "name": "erp",
        "adapter": "tryton",
        "url": live_tryton.url,
        "options": options | {"points": {"good": False}, "cancelled_statuses": [DROPPED]},
        "mapping": {"equipment": {each: str(live_tryton.project) for each in (EQUIPMENT, f"{EQUIPMENT}/aoi1")}},
    }
    return live_settings_of(tmp_path, nats_server.url, plant, PASSWORD)


async def want(bus: Bus, key: str, kind: wire.WorkRequestKind, msg_id: str = "") -> None:
    wanted = wire.WorkRequested(
        key=key,
        episode_id=f"episode-of-{key}",
        kind=kind,
        title="open tracks, 5 in a row",
        priority=2,
        equipment_id=EQUIPMENT,
        station=AT,
        rule_id="repeated-defect",
    )
    await bus.publish(WORK_REQUESTED.at(PLACE), wanted, msg_id or key)


async def test_requests_stand_once_get_their_news_once_and_their_end_comes_back(bus, settings, live_tryton, heard):
    people = live_tryton.people
    async with connector(settings):
        for again in ("live-task", "live-task-again"):
            await want(bus, "live-task", wire.WORK_REQUEST_KIND_MAINTENANCE, again)
        await want(bus, "live-alert", wire.WORK_REQUEST_KIND_SUPPLIER_QUALITY)
        await want(bus, "live-dropped", wire.WORK_REQUEST_KIND_MAINTENANCE)
        await until(lambda: len(heard.opened) == 3, 60)
        numbers = {message.key: message.external_id for message in heard.opened}
        task, dropped = (int(numbers[key].partition("/")[2]) for key in ("live-task", "live-dropped"))
        for again in ("news", "news-again"):
            news = wire.WorkRequestUpdated(key="live-task", episode_id="episode-of-live-task", station=AT, signals=8)
            news.text = "it goes on: 8 signals"
            await bus.publish(WORK_UPDATED.at(PLACE), news, again)
        notes = lambda: people.call("ir.note.search_read", [], 0, None, None, ["resource", "message"])  # noqa: E731
        await until(lambda: any(note["resource"] == f"project.work,{task}" for note in notes()), 60)
        await complete(live_tryton, numbers["live-task"])
        await until_completed(bus, ["live-task"], 60)
        people.call("project.work.write", [dropped], {"status": status(live_tryton, DROPPED)})
        await complete(live_tryton, numbers["live-alert"])
        await until(lambda: heard.cancelled, 60)
        await until_completed(bus, ["live-task", "live-alert"], 60)

    assert [message.key for message in heard.cancelled] == ["live-dropped"]
    assert numbers["live-alert"].startswith("quality.alert/")
    where = [["name", "ilike", "%[live-%"]]
    tasks = people.call("project.work.search_read", where, 0, None, [["id", "ASC"]], ["name", "parent"])
    assert [it["name"].rpartition(" ")[2] for it in tasks] == ["[live-task]", "[live-dropped]"]
    assert {it["parent"] for it in tasks} == {live_tryton.project}
    inspections = people.call("quality.inspection.search_read", [], 0, None, None, ["reference", "state"])
    assert [it["state"] for it in inspections if it["reference"] == "live-alert"] == ["failed"]
    said = [note["message"] for note in notes() if note["resource"] == f"project.work,{task}"]
    assert len(said) == 1
    assert "it goes on: 8 signals" in said[0]


async def test_the_real_rules_are_reset_by_the_task_and_not_by_the_suppliers_alert(
    bus, settings, live_tryton, heard, redis
):
    async with connector(settings):
        await lives_twice(bus, redis, heard, lambda number: complete(live_tryton, number))


async def complete(tryton: LiveTryton, number: str) -> None:
    """What people do with a task, or with an alert."""
    model, _, row = number.partition("/")
    if model == "quality.alert":
        steps = [(f"{model}.{step}", [int(row)]) for step in ("process", "resolve")]
    else:
        steps = [(f"{model}.write", [int(row)], {"status": status(tryton, "Done"), "progress": 1.0})]
    for step in steps:
        await asyncio.to_thread(tryton.people.call, *step)


def status(tryton: LiveTryton, name: str) -> int:
    return tryton.people.call("project.work.status.search", [["name", "=", name]], 0, None, None)[0]
