"""The rules against a real broker and a real Redis: whatever is lost or repeated, an incident is said once."""

import asyncio
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
from services.contracts.subjects import LINE, LINE_RESUMED, PAUSE_SETTLED, STATION, VERDICT_REACHED, WORKREQUEST
from services.postprocessing.adapters.checkpoint import RedisCheckpoint
from services.postprocessing.adapters.events import BusActions, routes
from services.postprocessing.domain.order import Patience
from services.postprocessing.domain.rules import Rule
from services.postprocessing.handlers import RuleKeeper
from tools.plant.broker import redis_binary

PLANT = plants.load(Path(__file__).resolve().parents[2] / "deploy/plants/demo.yaml")
RULE = Rule("repeated-defect", k=5, pause_line=True, maintenance_request=True, pause_ttl_s=5)
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
        self.keeper = RuleKeeper([RULE], Patience(16, 2.0), self.checkpoint, BusActions(bus, PLANT))
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
        assert await client.exists("jidoka:rules:v1")
        await client.flushall()
    async with Rules(bus, redis) as rules:
        await judged(bus, range(5, 8))
        await rules.caught_up()

    assert await said(bus) == (1, 1)


async def test_a_checkpoint_of_before_the_rule_fired_says_nothing_twice(bus: Bus, redis: RedisServer):
    """A crash between saying and saving: the same verdicts are folded again and the same ids come out."""
    async with Rules(bus, redis) as rules:
        await judged(bus, range(1, 5))
        await rules.caught_up()
    async with Redis.from_url(redis.url) as client:
        before = await client.get("jidoka:rules:v1")
    for _ in range(2):
        async with Rules(bus, redis) as rules:
            await judged(bus, range(5, 6))
            await rules.caught_up()
        async with Redis.from_url(redis.url) as client:
            await client.set("jidoka:rules:v1", before)

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
        episode = rules.keeper.state.stations["lyon/smt1/aoi1"].episodes[RULE.id]
        receipt = line_pb2.PauseSettled(episode_id=episode.id, station=AT, outcome=line_pb2.PAUSE_OUTCOME_CONFIRMED)
        await bus.publish(PAUSE_SETTLED.at(AT), receipt, "settled")
        resumed = line_pb2.LineResumed(episode_id=episode.id, station=AT)
        resumed.resumed_at.FromSeconds(1_006)
        await bus.publish(LINE_RESUMED.at(AT), resumed, "resumed")
        await judged(bus, range(6, 11))
        await rules.caught_up()

    assert await said(bus) == (2, 2)
