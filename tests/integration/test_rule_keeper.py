"""The rules against a real broker and a real Redis: whatever is lost or repeated, an incident is said once."""

import asyncio
from pathlib import Path

import pytest
from jidoka.line.v1 import line_pb2
from jidoka.rules.v1 import rules_pb2
from jidoka.workrequest.v1 import workrequest_pb2
from redis.asyncio import Redis
from rules_floor import AT, SITE, Rules, judged, said, text, told
from servers import NatsServer, RedisServer

from services.chassis.bus import Bus
from services.chassis.errors import Unavailable
from services.contracts.plant import Place, PlantError
from services.contracts.subjects import (
    INCIDENT_CLOSED,
    LINE_RESUMED,
    PAUSE_SETTLED,
    RULES_APPROVED,
    STATION,
    WORK_REQUESTED,
    WORKREQUEST,
)
from services.postprocessing.adapters.events import BusFacts
from services.postprocessing.adapters.rule_books import book_of
from services.postprocessing.handlers import RuleWatch, SilenceWatch
from tools.plant.provision import provision


async def the_order(bus: Bus) -> workrequest_pb2.WorkRequested:
    found = await bus.jetstream.get_last_msg(WORKREQUEST.name, WORK_REQUESTED.at(AT))
    return workrequest_pb2.WorkRequested.FromString(found.data)


async def test_an_empty_redis_is_rebuilt_from_the_stream_in_the_middle_of_a_run(bus: Bus, redis: RedisServer):
    async with Rules(bus, redis) as rules:
        await judged(bus, range(1, 5))
        await rules.caught_up()
    assert await redis.key()
    async with Redis.from_url(redis.url) as client:
        await client.flushall()
    async with Rules(bus, redis) as rules:
        await judged(bus, range(5, 6))
        await rules.caught_up()

    assert await said(bus) == (1, 1)


async def test_a_checkpoint_of_before_the_rule_fired_says_nothing_twice(bus: Bus, redis: RedisServer):
    """A crash between saying and saving: the same verdicts are folded again and the same ids come out."""
    async with Rules(bus, redis) as rules:
        await judged(bus, range(1, 5))
        await rules.caught_up()
    key = await redis.key()
    async with Redis.from_url(redis.url) as client:
        before = await client.hgetall(key)
    for _ in range(2):
        async with Rules(bus, redis) as rules:
            await judged(bus, range(5, 6))
            await rules.caught_up()
        async with Redis.from_url(redis.url) as client:
            await client.delete(key)
            await client.hset(key, mapping=before)

    assert await said(bus) == (1, 1)


async def test_the_fold_goes_on_while_redis_is_away_and_saves_when_it_is_back(bus: Bus, redis: RedisServer):
    async with Rules(bus, redis) as rules:
        redis.kill()
        await judged(bus, range(1, 6))
        await rules.caught_up()
        assert await said(bus) == (1, 1)
        redis.start()
        await judged(bus, range(6, 7))
        await rules.caught_up()
    async with Rules(bus, redis) as rules:
        assert rules.keeper.position() == 6  # nothing had to be folded again


async def test_who_has_lost_the_line_can_neither_save_nor_take_it_back(bus: Bus, redis: RedisServer, caplog):
    """A process that slept through the end of its lease wakes up in the middle of a fold."""
    async with Rules(bus, redis, token=7) as late:
        await judged(bus, range(1, 3))
        await late.caught_up()
        async with Rules(bus, redis, token=8) as rules:
            await judged(bus, range(3, 6))
            await rules.caught_up()
            await late.caught_up()
        assert not await late.checkpoint.save(late.keeper.fold)
        assert "a later process has taken the line" in caplog.text
    with pytest.raises(Unavailable, match="a later process has taken lyon/smt1"):
        await late.checkpoint.load()
    await late.store.stop()

    assert await said(bus) == (1, 1), "both folded the fifth part; both said the same"


async def test_a_broker_that_was_set_up_anew_is_read_from_its_start_whatever_redis_remembers(
    tmp_path: Path, bus: Bus, redis: RedisServer
):
    """Or the rules would wait, blind, until the new stream has as many facts as the old one had."""
    async with Rules(bus, redis, token=50) as rules:
        await judged(bus, range(1, 5))
        await rules.caught_up()
    server = NatsServer(tmp_path / "anew")
    try:
        fresh = Bus(server.url, "test", "")
        await fresh.start()
        await provision(fresh)
        async with Rules(fresh, redis, token=1) as rules:
            await judged(fresh, range(5, 10))
            await rules.caught_up()
            assert await rules.checkpoint.save(rules.keeper.fold)
        assert await said(fresh) == (1, 1)
        await fresh.stop()
    finally:
        server.kill()


async def test_receipt_and_resume_are_heard_in_the_order_of_the_stream(bus: Bus, redis: RedisServer):
    async with Rules(bus, redis) as rules:
        await judged(bus, range(1, 6))
        await rules.caught_up()
        (episode,) = rules.keeper.fold.state.episodes.values()
        receipt = line_pb2.PauseSettled(request_id=episode.request_id, episode_id=episode.id, station=AT)
        receipt.outcome = line_pb2.PAUSE_OUTCOME_CONFIRMED
        receipt.held_at.FromSeconds(1_005)
        await bus.publish(PAUSE_SETTLED.at(AT), receipt, "settled")
        resumed = line_pb2.LineResumed(episode_id=episode.id, station=AT)
        resumed.resumed_at.FromSeconds(1_006)
        await bus.publish(LINE_RESUMED.at(AT), resumed, "resumed")
        await judged(bus, range(6, 11))
        await rules.caught_up()

    assert await said(bus) == (3, 2)  # two pauses, and what to contain of the first


async def test_an_incident_that_a_person_has_closed_may_come_again_as_another_one(bus: Bus, redis: RedisServer):
    async with Rules(bus, redis, rules=text(actions=["maintenance_request"])) as rules:
        await judged(bus, range(1, 6))
        await rules.caught_up()
        first = await the_order(bus)
        closed = line_pb2.IncidentClosed(site="lyon", line="smt1", episode_id=first.episode_id, closed_by="ann")
        await bus.publish(INCIDENT_CLOSED.at(Place("lyon", "smt1", "all")), closed, f"{first.episode_id}:closed")
        await rules.caught_up()
        assert rules.keeper.fold.state.episodes == {}
        await judged(bus, range(6, 11))
        await rules.caught_up()

    assert await said(bus) == (0, 2)
    assert (await the_order(bus)).key != first.key


async def test_the_order_says_cavity_seven_also_after_a_restart_just_before_it(bus: Bus, redis: RedisServer):
    """What was judged of late is in no checkpoint: it is read again, and nothing is folded twice by that."""
    async with Rules(bus, redis) as rules:
        for number in range(1, 161):
            await told(bus, number, defective=number % 8 == 7 and number % 3 > 0, cavity=str(number % 8))
        await rules.caught_up()
        last = rules.keeper.position()
    async with Rules(bus, redis) as rules:
        assert (rules.keeper.position(), rules.keeper.reads_behind()) == (last, 0)
        await judged(bus, range(161, 166), cavity="7")
        await rules.caught_up()
        assert rules.keeper.reads_behind() == rules.keeper.position()

    order = await the_order(bus)
    assert [(cause.kind, cause.value) for cause in order.causes] == [("cavity", "7")]
    assert "Likely: cavity 7: 18 of 18 defective parts" in order.description
    assert await said(bus) == (1, 1)


async def test_new_rules_hold_from_their_place_in_the_stream_on_and_after_every_rebuild(bus: Bus, redis: RedisServer):
    facts = BusFacts(bus)
    async with Rules(bus, redis) as rules:
        await facts.rules_activated(SITE, text(version=2, k=3))
        await judged(bus, range(1, 4))
        await rules.caught_up()
        assert await said(bus) == (1, 1)
        assert rules.keeper.book.version == 2
    async with Redis.from_url(redis.url) as client:
        await client.flushall()
    async with Rules(bus, redis) as rules:  # started with the old text, as a worker is whose file was not updated
        await rules.caught_up()
        assert rules.keeper.book.version == 2

    assert await said(bus) == (1, 1)


async def test_a_gap_that_no_later_part_declares_is_told_by_the_clock(bus: Bus, redis: RedisServer):
    """Part 3 never came, then the line stood still: 4 to 6 must not wait for ever."""
    async with Rules(bus, redis) as rules:
        await judged(bus, range(1, 3))
        await judged(bus, range(4, 7))
        await rules.caught_up()
        assert await said(bus) == (0, 0)
        watch = SilenceWatch(rules.keeper, BusFacts(bus), lambda: 1_010.0)
        await watch.start()
        async with asyncio.timeout(10):
            while await said(bus) != (1, 1):  # noqa: ASYNC110  # the broker has no event for it
                await asyncio.sleep(0.05)
        await watch.stop()


class Source:
    """A rule file in the making."""

    def __init__(self, *texts: str | Exception) -> None:
        self.texts = list(texts)

    def changed(self) -> str | None:
        found = self.texts.pop(0) if self.texts else None
        if isinstance(found, Exception):
            raise found
        return found


def watching(bus: Bus, source: Source, speaks: bool = True, two_people: bool = False) -> RuleWatch:
    return RuleWatch(source, BusFacts(bus), [SITE], book_of, lambda: speaks, look_s=0.05, two_people=two_people)


async def looked(watch: RuleWatch, found, deadline_s: float = 10) -> None:
    """Until a look has `found` what we wait for."""
    await watch.start()
    async with asyncio.timeout(deadline_s):
        while not found():  # noqa: ASYNC110  # a look has no event
            await asyncio.sleep(0.02)
    await watch.stop()


async def test_mistaken_rules_are_refused_and_the_old_ones_stay(bus: Bus, redis: RedisServer, caplog):
    mistake = PlantError("plant.yaml:30: rule_set.rules.0.k: must be 2 or more; fix: 5")
    async with Rules(bus, redis) as rules:
        await looked(watching(bus, Source(text(version=7), mistake)), lambda: "refused" in caplog.text)
        await rules.caught_up()

        assert rules.keeper.book.version == 7
        assert "plant.yaml:30: rule_set.rules.0.k" in caplog.text


async def test_neither_a_stand_by_nor_an_older_file_changes_the_rules_but_both_know_the_version(bus: Bus, caplog):
    await BusFacts(bus).rules_activated(SITE, text(version=5))
    before = (await bus.jetstream.stream_info(STATION.name)).state.last_seq

    stand_by = watching(bus, Source(text(version=6)), speaks=False)
    await looked(stand_by, lambda: stand_by.version(SITE) == 5)
    same = watching(bus, Source(text(version=5)))
    await looked(same, lambda: same.version(SITE) == 5)
    older = watching(bus, Source(text(version=4)))
    await looked(older, lambda: "raise rule_set.version above 5" in caplog.text)

    assert older.version(SITE) == 5
    assert (await bus.jetstream.stream_info(STATION.name)).state.last_seq == before


async def test_where_two_people_are_needed_the_file_speaks_once_and_an_approval_after_that(
    bus: Bus, redis: RedisServer, caplog
):
    async with Rules(bus, redis) as rules:
        first = watching(bus, Source(text(version=2)), two_people=True)
        await looked(first, lambda: first.version(SITE) == 2)
        second = watching(bus, Source(text(version=3)), two_people=True)
        await looked(second, lambda: "let another quality engineer approve" in caplog.text)
        assert second.version(SITE) == 2

        agreed = text(version=3)
        approval = rules_pb2.RulesApproved(site=SITE, version=3, rules_json=agreed, proposed_by="a", approved_by="b")
        await bus.publish(RULES_APPROVED.at(Place(SITE, "all", "all")), approval, "approval")
        await looked(second, lambda: second.version(SITE) == 3)
        await rules.caught_up()

        assert rules.keeper.book.version == 3
