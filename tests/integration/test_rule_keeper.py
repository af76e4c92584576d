"""The rules against a real broker and a real Redis: whatever is lost or repeated, an incident is said once."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2
from redis.asyncio import Redis
from servers import free_port, wait_for_port

from services.chassis.bus import Bus
from services.chassis.streams import Follower
from services.contracts import plant as plants
from services.contracts.plant import PlantError
from services.contracts.subjects import LINE, LINE_RESUMED, PAUSE_SETTLED, STATION, VERDICT_REACHED, WORKREQUEST
from services.postprocessing.adapters.checkpoint import KEY, RedisCheckpoint
from services.postprocessing.adapters.events import BusActions, BusFacts, routes
from services.postprocessing.adapters.rule_books import book_of
from services.postprocessing.handlers import RuleKeeper, RuleWatch, SilenceWatch
from tools.plant.broker import redis_binary

PLANT = plants.load(Path(__file__).resolve().parents[2] / "deploy/plants/demo.yaml")
RULE = {"id": "run", "kind": "consecutive", "k": 5, "actions": ["pause_line", "maintenance_request"]}


def text(version: int = 1, **changes) -> str:
    """One rule, as it travels."""
    return json.dumps({"labels": ["open"], "rule_set": {"version": version, "rules": [{**RULE, **changes}]}})


AT = frame_pb2.StationPath(site="lyon", line="smt1", station="aoi1")


class RedisServer:
    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        self.process = subprocess.Popen([redis_binary(), *options], stdout=subprocess.DEVNULL)
        wait_for_port(self.port)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.kill()


class Rules:
    """The rule half of postprocessing, with a life of its own."""

    def __init__(self, bus: Bus, redis: RedisServer) -> None:
        self.bus = bus
        self.checkpoint = RedisCheckpoint(redis.url, "")
        self.keeper = RuleKeeper(text(), book_of, self.checkpoint, BusActions(bus, PLANT))
        self.follower = Follower(bus, STATION.name, routes(self.keeper), self.keeper.position)

    async def __aenter__(self) -> Self:
        await self.keeper.start()
        await self.follower.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.follower.stop()
        await self.keeper.stop()
        await self.checkpoint.stop()

    async def caught_up(self) -> None:
        async with asyncio.timeout(10):
            last = (await self.bus.jetstream.stream_info(STATION.name)).state.last_seq
            while self.keeper.position() < last:  # noqa: ASYNC110  # the fold has no event for it
                await asyncio.sleep(0.01)


async def judged(bus: Bus, numbers: range) -> None:
    for number in numbers:
        part = frame_pb2.PartRef(lot_id="lot", part_sequence=number, product_id="p")
        verdict = verdict_pb2.Verdict(
            inspection_id=f"i{number}", station=AT, part=part, outcome=verdict_pb2.OUTCOME_FAIL
        )
        verdict.defects.add(label="open", score=0.9)
        verdict.captured_at.FromSeconds(1_000 + number)
        verdict.judged_at.FromSeconds(1_000 + number)
        await bus.publish(VERDICT_REACHED.at(AT), verdict, verdict.inspection_id)


async def said(bus: Bus) -> tuple[int, int]:
    """How many pauses and orders the broker keeps."""
    streams = [await bus.jetstream.stream_info(stream.name) for stream in (LINE, WORKREQUEST)]
    return streams[0].state.messages, streams[1].state.messages


async def test_an_empty_redis_is_rebuilt_from_the_stream_in_the_middle_of_a_run(bus: Bus, redis: RedisServer):
    async with Rules(bus, redis) as rules:
        await judged(bus, range(1, 5))
        await rules.caught_up()
    async with Redis.from_url(redis.url) as client:
        assert await client.exists(KEY)
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
    async with Redis.from_url(redis.url) as client:
        before = await client.hgetall(KEY)
    for _ in range(2):
        async with Rules(bus, redis) as rules:
            await judged(bus, range(5, 6))
            await rules.caught_up()
        async with Redis.from_url(redis.url) as client:
            await client.delete(KEY)
            await client.hset(KEY, mapping=before)

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


async def test_receipt_and_resume_are_heard_in_the_order_of_the_stream(bus: Bus, redis: RedisServer):
    async with Rules(bus, redis) as rules:
        await judged(bus, range(1, 6))
        await rules.caught_up()
        (episode,) = rules.keeper.state.lines["lyon/smt1"].episodes.values()
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


async def test_new_rules_hold_from_their_place_in_the_stream_on_and_after_every_rebuild(bus: Bus, redis: RedisServer):
    facts = BusFacts(bus, PLANT)
    async with Rules(bus, redis) as rules:
        await facts.rules_activated(text(version=2, k=3))
        await judged(bus, range(1, 4))
        await rules.caught_up()
        assert await said(bus) == (1, 1)
        assert rules.keeper.book("lyon").version == 2
    async with Redis.from_url(redis.url) as client:
        await client.flushall()
    async with Rules(bus, redis) as rules:  # started with the old text, as a worker is whose file was not updated
        await rules.caught_up()
        assert rules.keeper.book("lyon").version == 2
        assert rules.keeper.book("elsewhere").version == 1

    assert await said(bus) == (1, 1)


async def test_a_gap_that_no_later_part_declares_is_told_by_the_clock(bus: Bus, redis: RedisServer):
    """Part 3 never came, then the line stood still: 4 to 6 must not wait for ever."""
    async with Rules(bus, redis) as rules:
        await judged(bus, range(1, 3))
        await judged(bus, range(4, 7))
        await rules.caught_up()
        assert await said(bus) == (0, 0)
        watch = SilenceWatch(rules.keeper, BusFacts(bus, PLANT), lambda: 1_010.0)
        await watch.start()
        async with asyncio.timeout(10):
            while await said(bus) != (1, 1):  # noqa: ASYNC110  # the broker has no event for it
                await asyncio.sleep(0.05)
        await watch.stop()


class Source:
    """A rule file in the making."""

    def __init__(self) -> None:
        self.texts: list[str | Exception] = []

    def changed(self) -> str | None:
        found = self.texts.pop(0) if self.texts else None
        if isinstance(found, Exception):
            raise found
        return found


async def test_mistaken_rules_are_refused_and_the_old_ones_stay(bus: Bus, redis: RedisServer, caplog):
    source = Source()
    source.texts = [text(version=7), PlantError("plant.yaml:30: rule_set.rules.0.k: must be 2 or more; fix: 5")]
    async with Rules(bus, redis) as rules:
        watch = RuleWatch(source, BusFacts(bus, PLANT), look_s=0.05)
        await watch.start()
        async with asyncio.timeout(10):
            while "refused" not in caplog.text:  # noqa: ASYNC110  # nor has the log
                await asyncio.sleep(0.05)
        await watch.stop()
        await rules.caught_up()

        assert rules.keeper.book("lyon").version == 7
        assert "plant.yaml:30: rule_set.rules.0.k" in caplog.text
