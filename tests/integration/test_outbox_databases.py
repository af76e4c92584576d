"""The outbox keeps its word on SQLite and on a real PostgreSQL alike."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from mes_floor import Heard, Sandbox, ask, connector, connector_process, holder_of, settings_of
from outbox_floor import PASSWORD
from servers import NatsServer, until
from sqlalchemy.ext.asyncio import AsyncEngine

from services.chassis.bus import Bus
from services.chassis.errors import Unavailable
from services.mes_connector.adapters.database import Database, async_url, open_engine
from services.mes_connector.adapters.follow_up import SqlFollowUp
from services.mes_connector.adapters.notes import SqlNotes
from services.mes_connector.adapters.outbox import SqlOutbox
from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.order import Order, Patience, State
from services.mes_connector.domain.progress import Filed, Note, Progress, Status
from services.mes_connector.domain.work_request import Cause, Kind, Link, Place, WorkRequest
from tools.postgres import Postgres

NOW = 1_800_000_000.0
PATIENCE = Patience(deadline_s=5, base_s=2, cap_s=900, after_timeout_s=60, give_up_s=86_400)
REQUEST = WorkRequest(
    key="k1",
    episode_id="e1",
    kind=Kind.SUPPLIER_QUALITY,
    title="Lötbrücken",
    description="5 in a row",
    priority=2,
    equipment_id="jidoka/lyon/electronics/smt1",
    place=Place("lyon", "smt1", "aoi1"),
    rule_id="supplier",
    defect_label="open",
    lot_id="lot-7",
    first_part_sequence=11,
    last_part_sequence=15,
    inspection_ids=("i1", "i5"),
    trace_id="0af7651916cd43dd8448eb211c80319c",
    requested_at=NOW,
    rate_lower95=0.0125,
    scope=(("supplier", "A"),),
    causes=(Cause("lot", "lot-7", 0.82, "12 of 14 defective parts"),),
    evidence=(Link("replay", "jidoka replay i5"),),
)


@pytest.fixture
async def database(engine: AsyncEngine) -> AsyncIterator[Database]:
    database = Database(engine, 20)
    await database.start()
    yield database
    await database.stop()


async def filed(outbox: SqlOutbox, key: str = "k1", episode: str = "e1", at: float = NOW) -> Order:
    order = Order.new(replace(REQUEST, key=key, episode_id=episode), "", at)
    await outbox.add(order)
    claimed = order.claimed(at, PATIENCE)
    sent = claimed.settled(Answer(Outcome.OPENED, external_id=f"WO-{key}"), at, PATIENCE, 0.5)
    assert await outbox.write(claimed, 0)
    assert await outbox.write(sent, 1)
    return sent


async def test_an_order_comes_back_as_it_was_and_a_key_is_taken_once(database: Database):
    outbox, order = SqlOutbox(database), Order.new(REQUEST, "00-trace", NOW)

    assert await outbox.add(order)
    assert not await outbox.add(replace(order, traceparent="another"))
    assert list(await outbox.due(NOW, 10)) == [order]
    assert list(await outbox.due(NOW - 1, 10)) == []


async def test_of_many_who_claim_an_order_at_once_one_gets_it(database: Database):
    outbox, order = SqlOutbox(database), Order.new(REQUEST, "", NOW)
    await outbox.add(order)
    claims = await asyncio.gather(*(outbox.write(order.claimed(NOW, PATIENCE), 0) for _ in range(8)))

    assert sum(claims) == 1
    backlog = await outbox.backlog()
    assert (backlog.depth, backlog.dead, backlog.next_attempt_at) == (1, 0, NOW + 75)


async def test_a_dead_order_opens_again_and_its_next_end_is_told_too(database: Database):
    outbox, order = SqlOutbox(database), Order.new(REQUEST, "", NOW)
    await outbox.add(order)
    claimed = order.claimed(NOW, PATIENCE)
    dead = claimed.settled(Answer(Outcome.REFUSED, reason="422 unknown asset"), NOW, PATIENCE, 0.5)
    await outbox.write(claimed, 0)
    await outbox.write(dead, 1)
    await outbox.announced(dead)

    assert list(await outbox.unannounced(10)) == []
    assert await outbox.requeue("k1", NOW + 9)
    assert not await outbox.requeue("k1", NOW + 10)
    assert not await outbox.requeue("nobody's", NOW)
    (again,) = await outbox.due(NOW + 9, 10)
    assert (again.state, again.attempts, again.created_at) == (State.NEW, 1, NOW + 9)
    await outbox.announced(dead)  # a late word about the first end
    sent = again.settled(Answer(Outcome.OPENED, external_id="WO-1"), NOW + 10, PATIENCE, 0.5)
    await outbox.write(sent, 1)
    assert [order.external_id for order in await outbox.unannounced(10)] == ["WO-1"]


async def test_orders_are_asked_after_in_turn_until_they_have_ended_and_each_end_is_told_once(database: Database):
    outbox, follow_up = SqlOutbox(database), SqlFollowUp(database)
    for number in (1, 2, 3):
        await filed(outbox, f"k{number}", at=NOW + number)
    await outbox.add(Order.new(replace(REQUEST, key="new"), "", NOW))

    assert await follow_up.open_orders(NOW, 2) == {Filed("k1", "WO-k1"): NOW + 1, Filed("k2", "WO-k2"): NOW + 2}
    await follow_up.asked(["k1", "k2"], NOW + 60)
    assert list(await follow_up.open_orders(NOW + 59, 2)) == [Filed("k3", "WO-k3")]
    assert list(await follow_up.open_orders(NOW + 60, 2)) == [Filed("k3", "WO-k3"), Filed("k1", "WO-k1")]

    said = [
        await follow_up.progressed(Progress(key, "", status, 0, "by Maxim"), NOW + 70)
        for key, status in [
            ("k1", Status.IN_PROGRESS),
            ("k1", Status.IN_PROGRESS),
            ("k1", Status.COMPLETED),
            ("k1", Status.OPEN),
            ("k1", Status.CANCELLED),
            ("new", Status.COMPLETED),
            ("nobody's", Status.COMPLETED),
        ]
    ]
    assert said == [True, False, True, False, False, True, False]
    assert Filed("k1", "WO-k1") not in await follow_up.open_orders(NOW + 99, 9)
    ((order, progress),) = await follow_up.untold(9)
    assert (order.request.key, progress) == ("k1", Progress("k1", "WO-k1", Status.COMPLETED, NOW + 70, "by Maxim"))
    await follow_up.told("k1")
    assert list(await follow_up.untold(9)) == []


@pytest.mark.parametrize("end", [Outcome.OPENED, Outcome.REFUSED])
@pytest.mark.parametrize("claimed_first", [True, False])
async def test_what_the_mes_says_before_it_has_answered_is_kept_and_told_once_it_has(
    database: Database, end: Outcome, claimed_first: bool
):
    """B10: its workflow may close an order in the second in which it took it; some systems cannot be asked later."""
    outbox, follow_up, notes = SqlOutbox(database), SqlFollowUp(database), SqlNotes(database)
    order = Order.new(REQUEST, "", NOW)
    claimed, report = order.claimed(NOW, PATIENCE), Progress("k1", "", Status.CANCELLED, NOW + 1, "not ours")
    await outbox.add(order)
    if claimed_first:
        await outbox.write(claimed, 0)
    assert await follow_up.progressed(report, NOW + 1)
    assert not await follow_up.progressed(report, NOW + 2), "it is known already"
    assert not await notes.add("e1", Note("n1", "it goes on", NOW), 2)
    if not claimed_first:
        await outbox.write(claimed, 0)
    assert list(await follow_up.untold(9)) == [], "how it ended is told after how it was filed"

    filed = claimed.settled(Answer(end, external_id="WO-1", reason="timed out"), NOW + 3, PATIENCE, 0.5)
    await outbox.write(filed, 1)
    ((ended, progress),) = await follow_up.untold(9)
    assert ended == filed
    assert progress == replace(report, external_id=filed.external_id)
    await follow_up.told("k1")
    assert list(await follow_up.untold(9)) == []
    assert not await follow_up.open_orders(NOW + 99, 9)


async def test_an_order_that_is_tried_again_is_followed_again(database: Database):
    outbox, follow_up = SqlOutbox(database), SqlFollowUp(database)
    order = Order.new(REQUEST, "", NOW)
    claimed = order.claimed(NOW, PATIENCE)
    await outbox.add(order)
    await outbox.write(claimed, 0)
    await follow_up.progressed(Progress("k1", "", Status.CANCELLED, NOW), NOW)
    await outbox.write(claimed.settled(Answer(Outcome.REFUSED, reason="422"), NOW, PATIENCE, 0.5), 1)
    await follow_up.told("k1")

    assert await outbox.requeue("k1", NOW + 9)
    (again,) = await outbox.due(NOW + 9, 10)
    await outbox.write(again.settled(Answer(Outcome.OPENED, external_id="WO-2"), NOW + 10, PATIENCE, 0.5), 1)
    assert list(await follow_up.open_orders(NOW + 99, 9)) == [Filed("k1", "WO-2")]


async def test_a_note_waits_for_its_order_goes_to_all_of_the_incident_and_is_bounded(database: Database):
    outbox, follow_up, notes = SqlOutbox(database), SqlFollowUp(database), SqlNotes(database)
    await outbox.add(Order.new(replace(REQUEST, key="k2"), "", NOW))

    assert not await notes.add("another incident", Note("n0", "it goes on", NOW), 2)
    assert await notes.add("e1", Note("n1", "it goes on", NOW), 2)
    assert list(await notes.due(NOW, 9)) == []
    await filed(outbox, "k1")
    assert await notes.add("e1", Note("n2", "and on", NOW + 1), 2)
    assert not await notes.add("e1", Note("n2", "and on", NOW + 1), 2)
    assert await notes.add("e1", Note("n3", "k2 has two already", NOW + 2), 2)

    first, second = await notes.due(NOW, 9)
    assert [(each.key, each.note.id, each.external_id) for each in (first, second)] == [
        ("k1", "n2", "WO-k1"),
        ("k1", "n3", "WO-k1"),
    ]
    await notes.postponed(first, NOW + 60)
    await notes.settled(second)
    assert list(await notes.due(NOW + 59, 9)) == []
    assert [each.attempts for each in await notes.due(NOW + 60, 9)] == [1]
    await follow_up.progressed(Progress("k1", "", Status.COMPLETED, NOW), NOW)
    assert list(await notes.due(NOW + 60, 9)) == []


async def test_replicas_that_start_at_once_find_one_set_of_tables(postgres: Postgres):
    replicas = [Database(open_engine(async_url(postgres.url, PASSWORD), 20, None), 20) for _ in range(4)]
    await asyncio.wait_for(asyncio.gather(*(replica.start() for replica in replicas)), 30)

    assert (await SqlOutbox(replicas[0]).backlog()).depth == 0
    for replica in replicas:
        await replica.stop()


def on(postgres: Postgres, settings: dict[str, str], folder: Path) -> dict[str, str]:
    (folder / "password").write_text(PASSWORD)
    return settings | {"database_url": postgres.url, "database_password_file": str(folder / "password")}


async def test_orders_go_on_when_postgresql_is_back(
    bus: Bus, nats_server: NatsServer, sandbox: Sandbox, heard: Heard, postgres: Postgres, tmp_path: Path
):
    settings = on(postgres, settings_of(tmp_path, nats_server, sandbox), tmp_path)
    async with connector(settings):
        await ask(bus, "before")
        await until(lambda: heard.opened)
        await asyncio.to_thread(postgres.kill)
        with pytest.raises(Unavailable):
            await SqlOutbox(Database(open_engine(async_url(postgres.url, PASSWORD), 5, None), 5)).backlog()
        await ask(bus, "meanwhile")
        await asyncio.to_thread(postgres.start)
        await until(lambda: len(heard.opened) == 2, 40)

    assert sandbox.references() == ["before", "meanwhile"]


async def test_a_connector_that_slept_through_the_loss_of_its_lease_posts_nothing_twice(
    bus: Bus, nats_server: NatsServer, sandbox: Sandbox, heard: Heard, postgres: Postgres, tmp_path: Path
):
    """On SQLite a sleeper may keep the file's lock: then the other one waits for as long as he sleeps."""
    settings = on(postgres, settings_of(tmp_path, nats_server, sandbox), tmp_path)
    with connector_process(settings) as first, connector_process(settings) as second:
        await ask(bus, "awake")
        await until(lambda: heard.opened)
        holder = await holder_of(bus)
        other = ({first.pid, second.pid} - {holder}).pop()
        for number in range(20):
            await ask(bus, f"asleep-{number:02d}")
        os.kill(holder, signal.SIGSTOP)  # in the middle of whatever it does
        try:
            await until(lambda: len({message.key for message in heard.opened}) == 21, 60)
            assert await holder_of(bus) == other
        finally:
            os.kill(holder, signal.SIGCONT)
        await ask(bus, "awake-again")
        await until(lambda: len({message.key for message in heard.opened}) == 22, 60)

    assert len(sandbox.references()) == len(set(sandbox.references())) == 22
