"""What follows an order: its end is told, its incident's news go to it, people try again, and only one works."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from jidoka.frame.v1.frame_pb2 import StationPath
from jidoka.workrequest.v1 import workrequest_pb2 as wire
from mes_floor import (
    EQUIPMENT,
    PLACE,
    Sandbox,
    ask,
    completions,
    connector,
    connector_process,
    holder_of,
    outbox,
    settings_of,
)
from servers import NatsServer, until

from services.chassis.bus import Bus
from services.contracts.plant import Place
from services.contracts.subjects import (
    WORK_REPORTED,
    WORK_REQUEUED,
    WORK_UPDATED,
)

AT = StationPath(site=PLACE.site, line=PLACE.line, station=PLACE.station)
ALL = Place("all", "all", "all")


@pytest.fixture
def settings(tmp_path: Path, nats_server: NatsServer, sandbox: Sandbox) -> dict[str, str]:
    return settings_of(tmp_path, nats_server, sandbox)


async def goes_on(bus: Bus, key: str, signals: int, msg_id: str) -> None:
    text = f"It goes on: {signals} signals"
    news = wire.WorkRequestUpdated(key=key, episode_id=f"episode-of-{key}", station=AT, signals=signals, text=text)
    await bus.publish(WORK_UPDATED.at(PLACE), news, msg_id)


async def test_a_completed_order_ends_the_incident_once_and_a_cancelled_or_deleted_one_does_not(
    bus, settings, sandbox, heard
):
    async with connector(settings):
        for key in ("done", "dropped", "deleted", "open"):
            await ask(bus, key)
        await until(lambda: len(heard.opened) == 4)
        sandbox.change("done", "start")
        sandbox.change("done", "complete")
        sandbox.change("dropped", "cancel")
        sandbox.delete("deleted")
        await until(lambda: len(heard.cancelled) == 2)
    async with connector(settings):  # a restart tells nothing again
        sandbox.change("open", "complete")
        async with asyncio.timeout(20):
            while len(done := await completions(bus)) < 2:  # noqa: ASYNC110  # what a stream holds
                await asyncio.sleep(0.02)

    assert [(message.key, message.episode_id) for message in done] == [
        ("done", "episode-of-done"),
        ("open", "episode-of-open"),
    ]
    assert sorted((message.key, message.deleted) for message in heard.cancelled) == [
        ("deleted", True),
        ("dropped", False),
    ]
    assert {message.external_id for message in heard.cancelled} | {m.external_id for m in done} == {
        message.external_id for message in heard.opened
    }


async def test_what_the_mes_says_by_itself_counts_at_once_and_what_has_ended_stays_so(bus, settings, sandbox, heard):
    settings["poll_every_s"] = "3600"
    async with connector(settings):
        await ask(bus, "k1")
        await until(lambda: heard.opened)
        for system, status in (
            ("another", wire.ORDER_STATUS_COMPLETED),
            ("sandbox", wire.ORDER_STATUS_CANCELLED),
            ("sandbox", wire.ORDER_STATUS_COMPLETED),
        ):
            said = wire.WorkRequestReported(key="k1", system=system, status=status, remark="not our nozzle")
            await bus.publish(WORK_REPORTED.at(ALL), said, f"{system}{status}")
        await until(lambda: heard.cancelled)
        await ask(bus, "k2")  # in the same stream, behind what was reported
        await until(lambda: len(heard.opened) == 2)

    assert (heard.cancelled[0].key, heard.cancelled[0].remark) == ("k1", "not our nozzle")
    assert await completions(bus) == []


async def test_news_of_an_incident_stand_at_its_order_once_each_whatever_is_lost_or_repeated(
    bus, settings, sandbox, heard
):
    sandbox.behave(fail_rate=0.3, lose_reply_rate=0.3)
    async with connector(settings, most_notes="3"):
        await goes_on(bus, "nobody", 2, "no order")
        await ask(bus, "k1")
        for signals in (2, 4, 8, 16):  # the fourth is beyond what one order may get
            for again in ("first", "again"):
                await goes_on(bus, "k1", signals, f"{signals}-{again}")
        await until(lambda: heard.opened and outbox(settings, "done", "work_order_notes") == [1] * 3, 60)

    sandbox.behave()
    # One that had to wait comes late; each says its time.
    said = sorted(comment["text"] for comment in sandbox.comments("k1"))
    assert said == [f"It goes on: {signals} signals" for signals in (2, 4, 8)]


async def test_a_dead_order_is_tried_again_when_a_person_says_so_and_may_die_again(bus, settings, sandbox, heard):
    unknown = "jidoka/lyon/electronics/unknown"
    async with connector(settings):
        await ask(bus, "k1", equipment=unknown)
        await until(lambda: len(heard.dead) == 1)
        again = wire.WorkRequestRequeued(key="k1", requeued_by="maxim")
        await bus.publish(WORK_REQUEUED.at(ALL), again, "first")
        await until(lambda: len(heard.dead) == 2)
    map_equipment(Path(settings["plant_file"]), unknown)
    async with connector(settings):
        await bus.publish(WORK_REQUEUED.at(ALL), again, "second")
        await until(lambda: heard.opened)
        await bus.publish(WORK_REQUEUED.at(ALL), again, "an order that stands is not asked for again")
        await ask(bus, "k2")
        await until(lambda: len(heard.opened) == 2)

    assert sandbox.references() == ["k1", "k2"]
    assert sandbox.order("k1")["request"]["equipment_id"] == EQUIPMENT


async def test_equipment_that_may_not_pass_unmapped_goes_to_people_with_the_field_and_the_fix(
    bus, settings, sandbox, heard
):
    refuse(Path(settings["plant_file"]))
    async with connector(settings):
        await ask(bus, "k1")
        await until(lambda: heard.dead)

    assert heard.dead[0].reason.startswith("equipment_id: ")
    assert "mes.mapping.equipment" in heard.dead[0].reason
    assert sandbox.references() == []


def refuse(plant: Path) -> None:
    plant.write_text(plant.read_text().replace("  name: sandbox\n", "  name: sandbox\n  options: {unmapped: refuse}\n"))


def map_equipment(plant: Path, unknown: str) -> None:
    mapping = f"  mapping: {{equipment: {{{unknown}: {EQUIPMENT}}}}}\n"
    plant.write_text(plant.read_text().replace("  name: sandbox\n", f"  name: sandbox\n{mapping}", 1))


async def test_two_connectors_post_nothing_twice_and_one_takes_over_from_a_killed_one(bus, settings, sandbox, heard):
    started: list[subprocess.Popen] = []
    with connector_process(settings) as first, connector_process(settings) as second:
        started += [first, second]
        for number in range(10):
            await ask(bus, f"before-{number}")
        await until(lambda: len(heard.opened) == 10, 60)
        holder = await holder_of(bus)
        (other,) = [process.pid for process in started if process.pid != holder]
        for number in range(10):
            await ask(bus, f"after-{number}")
        os.kill(holder, 9)
        async with asyncio.timeout(120):
            while await holder_of(bus) != other:  # noqa: ASYNC110  # a lease has no event
                await asyncio.sleep(0.02)
        await until(lambda: len({message.key for message in heard.opened}) == 20, 60)

    assert sandbox.references() == sorted([f"{when}-{n}" for when in ("before", "after") for n in range(10)])
