"""How many verdicts the rules of a plant file fold in a second: the pure fold, and the whole way from the stream."""

import asyncio
import contextlib
import importlib
import logging
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jidoka.frame.v1 import frame_pb2
from jidoka.verdict.v1 import verdict_pb2

from services.chassis.bus import Bus
from services.chassis.streams import Follower
from services.contracts.instant import timestamp
from services.contracts.plant import Plant
from services.contracts.subjects import STATION, VERDICT_REACHED
from services.postprocessing.adapters.checkpoint import RedisCheckpoint, RedisStore
from services.postprocessing.adapters.events import BusActions, birth_of_streams, routes
from services.postprocessing.adapters.rule_books import book_of, text_of
from services.postprocessing.domain.part import Part
from services.postprocessing.handlers import RuleKeeper
from tools.plant import leash
from tools.plant.broker import redis_binary
from tools.plant.gates import opened
from tools.plant.provision import provision
from tools.ports import free_port
from tools.rules.stream import judged, verdicts_per_s

_READY_S = 10.0
_DONE_S = 600.0
_AT_ONCE = 256
_LOOK_S = 0.005


@dataclass(frozen=True)
class Stores:
    """A broker and a Redis of our own, on loopback, with their data on disk."""

    nats_url: str
    redis_url: str


def fold(plant: Plant, verdicts: int, defective: float) -> dict[str, Any]:
    """The pure fold on one core, in processor time: one line of one station."""
    book = book_of(text_of(plant))
    return {"fold_verdicts_per_s": round(verdicts_per_s(book, judged(verdicts, defective=defective)))}


async def stream(plant: Plant, verdicts: int, defective: float) -> dict[str, Any]:
    """From a real JetStream through the fold into a real Redis, in wall time.

    The verdicts stand in the stream before the clock starts: it measures how fast a backlog melts. The last checkpoint
    is read back: it must be that of the last verdict.
    """
    (place, _, _), *_ = plant.stations()
    line = f"{place.site}/{place.line}"
    async with _stores() as stores, _quiet():
        bus = Bus(stores.nats_url, "bench", "")
        await bus.start()
        await provision(bus)
        began = time.perf_counter()
        parts = list(judged(verdicts, defective=defective, stations=[place.station]))
        await _publish(bus, line, parts)
        published_s = time.perf_counter() - began
        store = RedisStore(stores.redis_url, "", lambda: birth_of_streams(bus))
        taken_s, processor_s = await _drain(bus, store, line, plant, verdicts)
        kept = await RedisCheckpoint(store, line, 2).load()
        await store.stop()
        await bus.stop()
    return {
        "stream_verdicts_per_s": round(verdicts / taken_s),
        "stream_verdicts_per_processor_s": round(verdicts / processor_s),
        "published_per_s": round(verdicts / published_s),
        "checkpoint_at": kept.position,
    }


@contextlib.asynccontextmanager
async def _quiet() -> AsyncIterator[None]:
    """Hundreds of made-up incidents need not be told."""
    log = logging.getLogger("jidoka")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


async def _drain(bus: Bus, store: RedisStore, line: str, plant: Plant, last: int) -> tuple[float, float]:
    checkpoint = RedisCheckpoint(store, line, 1)
    keeper = RuleKeeper(line, text_of(plant), book_of, checkpoint, BusActions(bus, plant))
    follower = Follower(bus, STATION.name, routes(keeper), keeper.reads_behind)
    await asyncio.to_thread(importlib.import_module, "scipy.stats")  # as the service does beside its start
    began, processor_began = time.perf_counter(), time.process_time()
    await keeper.start()
    await follower.start()
    async with asyncio.timeout(_DONE_S):
        while keeper.position() < last:  # noqa: ASYNC110  # the fold has no event for it
            await asyncio.sleep(_LOOK_S)
    await follower.stop()
    await keeper.stop()
    return time.perf_counter() - began, time.process_time() - processor_began


async def _publish(bus: Bus, line: str, parts: Sequence[Part]) -> None:
    site, _, name = line.partition("/")
    for first in range(0, len(parts), _AT_ONCE):
        said = []
        for part in parts[first : first + _AT_ONCE]:
            at = frame_pb2.StationPath(site=site, line=name, station=part.station)
            said.append(
                bus.publish(VERDICT_REACHED.about(at, part.inspection_id), _verdict(at, part), part.inspection_id)
            )
        await asyncio.gather(*said)


def _verdict(at: frame_pb2.StationPath, part: Part) -> verdict_pb2.Verdict:
    outcome = verdict_pb2.OUTCOME_INCONCLUSIVE
    if part.defects is not None:
        outcome = verdict_pb2.OUTCOME_FAIL if part.defects else verdict_pb2.OUTCOME_PASS
    verdict = verdict_pb2.Verdict(
        inspection_id=part.inspection_id,
        station=at,
        part=frame_pb2.PartRef(lot_id=part.lot, part_sequence=part.sequence, product_id="bench"),
        outcome=outcome,
        recipe="pcb",
        recipe_version=1,
        captured_at=timestamp(part.captured_at_s),
        judged_at=timestamp(part.judged_at_s),
        context=part.context,
    )
    for label, found in (part.defects or {}).items():
        verdict.defects.add(label=label, score=found.score, area_px2=found.area_px2)
    return verdict


@contextlib.asynccontextmanager
async def _stores() -> AsyncIterator[Stores]:
    with tempfile.TemporaryDirectory(prefix="jidoka-bench-") as folder, contextlib.ExitStack() as running:
        nats, redis = free_port(), free_port()
        where = ["-a", "127.0.0.1", "-p", str(nats), "-js", "-sd", folder, "-l", str(Path(folder) / "nats.log")]
        running.enter_context(_process("nats-server", *where))
        own = ["--port", str(redis), "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes"]
        running.enter_context(_process(redis_binary(), *own))
        async with asyncio.timeout(_READY_S):
            await opened(f"tcp://127.0.0.1:{nats}")
            await opened(f"tcp://127.0.0.1:{redis}")
        yield Stores(f"nats://127.0.0.1:{nats}", f"redis://127.0.0.1:{redis}/0")


@contextlib.contextmanager
def _process(*command: str) -> Any:
    process = leash.popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(_READY_S)
