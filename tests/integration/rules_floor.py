"""The rules of one line with a life of their own, the verdicts that they hear, and how much they have said."""

import asyncio
import json
from pathlib import Path
from typing import Self

from jidoka.frame.v1 import frame_pb2
from jidoka.verdict.v1 import verdict_pb2
from servers import RedisServer

from services.chassis.bus import Bus
from services.chassis.streams import Follower
from services.contracts import plant as plants
from services.contracts.subjects import LINE, STATION, VERDICT_REACHED, WORKREQUEST
from services.postprocessing.adapters.checkpoint import RedisCheckpoint, RedisStore
from services.postprocessing.adapters.events import BusActions, birth_of_streams, routes
from services.postprocessing.adapters.rule_books import book_of
from services.postprocessing.handlers import RuleKeeper

PLANT = plants.load(Path(__file__).resolve().parents[2] / "deploy/plants/demo.yaml")
SITE, LINE_PATH = "lyon", "lyon/smt1"
AT = frame_pb2.StationPath(site="lyon", line="smt1", station="aoi1")
RULE = {"id": "run", "kind": "consecutive", "k": 5, "actions": ["pause_line", "maintenance_request"]}


def text(version: int = 1, **changes) -> str:
    """One rule, as it travels."""
    return json.dumps({"labels": ["open"], "rule_set": {"version": version, "rules": [{**RULE, **changes}]}})


class Rules:
    """The rules of one line, with a life of their own."""

    def __init__(self, bus: Bus, redis: RedisServer, token: int = 1, rules: str = "") -> None:
        self.bus = bus
        self.store = RedisStore(redis.url, "", lambda: birth_of_streams(bus))
        self.checkpoint = RedisCheckpoint(self.store, LINE_PATH, token)
        self.keeper = RuleKeeper(LINE_PATH, rules or text(), book_of, self.checkpoint, BusActions(bus, PLANT))
        self.follower = Follower(bus, STATION.name, routes(self.keeper), self.keeper.reads_behind)

    async def __aenter__(self) -> Self:
        await self.keeper.start()
        await self.follower.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.follower.stop()
        await self.keeper.stop()
        await self.store.stop()

    async def caught_up(self) -> None:
        async with asyncio.timeout(30):
            last = (await self.bus.jetstream.stream_info(STATION.name)).state.last_seq
            while self.keeper.position() < last:  # noqa: ASYNC110  # the fold has no event for it
                await asyncio.sleep(0.01)


async def judged(bus: Bus, numbers: range, **context: str) -> None:
    for number in numbers:
        await told(bus, number, defective=True, **context)


async def told(bus: Bus, number: int, *, defective: bool, **context: str) -> None:
    part = frame_pb2.PartRef(lot_id="lot", part_sequence=number, product_id="p")
    outcome = verdict_pb2.OUTCOME_FAIL if defective else verdict_pb2.OUTCOME_PASS
    verdict = verdict_pb2.Verdict(inspection_id=f"i{number}", station=AT, part=part, outcome=outcome, context=context)
    if defective:
        verdict.defects.add(label="open", score=0.9)
    verdict.captured_at.FromSeconds(1_000 + number)
    verdict.judged_at.FromSeconds(1_000 + number)
    await bus.publish(VERDICT_REACHED.about(AT, verdict.inspection_id), verdict, verdict.inspection_id)


async def said(bus: Bus) -> tuple[int, int]:
    """How many pauses and orders the broker keeps."""
    streams = [await bus.jetstream.stream_info(stream.name) for stream in (LINE, WORKREQUEST)]
    return streams[0].state.messages, streams[1].state.messages
