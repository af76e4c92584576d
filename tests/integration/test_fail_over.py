"""Postprocessing as processes: one dies or falls asleep and the next acts; the rules change without a restart."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jidoka.line.v1 import line_pb2
from nats.errors import Error as NatsError
from redis.asyncio import Redis
from rules_floor import AT, judged, said, told
from servers import NatsServer, RedisServer

from services.chassis.bus import Bus
from services.contracts import headers
from services.contracts.subjects import LEASES, LINE, PAUSE_REQUESTED, WORK_REQUESTED, WORKREQUEST
from tools.plant import leash

ROOT = Path(__file__).resolve().parents[2]
KEY = "postprocessing.lyon.smt1"


class Workers:
    """Postprocessing as it runs in production, as often as we like."""

    def __init__(self, folder: Path, nats: NatsServer, store: RedisServer) -> None:
        secret = folder / "secret"
        secret.write_text("")
        self.plant = folder / "plant.yaml"
        shutil.copy(ROOT / "deploy/plants/demo.yaml", self.plant)
        told = {
            "plant_file": self.plant,
            "nats_url": nats.url,
            "nats_password_file": secret,
            "redis_url": store.url,
            "redis_password_file": secret,
            "issuer_url": "http://127.0.0.1:1",
        }
        self.env = os.environ | {f"JIDOKA_POSTPROCESSING_{key.upper()}": str(value) for key, value in told.items()}
        self._log = folder / "workers.log"
        self.log = self._log.open("w")
        self.running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        command = [sys.executable, "-m", "services.postprocessing"]
        worker = leash.popen(command, cwd=ROOT, env=self.env, stdout=self.log, stderr=self.log)
        self.running[worker.pid] = worker

    def said(self) -> str:
        return self._log.read_text()

    async def say(self, text: str, times: int = 1) -> None:
        async with asyncio.timeout(120):
            while self.said().count(text) < times:  # noqa: ASYNC110  # a log has no event
                await asyncio.sleep(0.05)

    def kill(self, pid: int) -> None:
        worker = self.running.pop(pid)
        worker.kill()
        worker.wait()

    def close(self) -> None:
        for pid in list(self.running):
            self.kill(pid)
        self.log.close()


@pytest.fixture
def workers(tmp_path: Path, nats_server: NatsServer, redis: RedisServer) -> Iterator[Workers]:
    found = Workers(tmp_path, nats_server, redis)
    yield found
    found.close()


async def active(bus: Bus, *, other_than: int = 0) -> int:
    """The process that holds the line."""
    kv = await bus.jetstream.key_value(LEASES)
    async with asyncio.timeout(120):
        while True:
            try:
                pid = int((await kv.get(KEY)).value.decode().split(":")[1])
                if pid != other_than:
                    return pid
            except NatsError:
                pass  # nobody, just now
            await asyncio.sleep(0.05)


async def stopped_line(bus: Bus, pauses: int, orders: int) -> None:
    """Until so many pauses and orders were said."""
    async with asyncio.timeout(120):
        while await said(bus) != (pauses, orders):  # noqa: ASYNC110  # the broker has no event for it
            await asyncio.sleep(0.02)


async def settled_at(bus: Bus, pid: int, workers: Workers) -> None:
    """Both are up: one holds the line, and the other has had the time to try."""
    await workers.say("postprocessing is up", times=len(workers.running))
    assert await active(bus) == pid


async def kept(redis: RedisServer) -> dict[str, Any]:
    """The checkpoint."""
    async with Redis.from_url(redis.url) as client:
        keys = await client.keys("jidoka:rules:*")
        return json.loads((keys and await client.hget(keys[0], "fold")) or "{}")


async def folded_up_to(redis: RedisServer, number: int) -> None:
    async with asyncio.timeout(120):
        while True:
            orders = (await kept(redis)).get("state", {}).get("orders", {})
            if any(lot and lot[1] >= number for order in orders.values() for lot in order["lots"]):
                return
            await asyncio.sleep(0.05)


async def test_the_stand_by_stops_the_line_after_the_active_ones_death_under_the_same_id(
    bus: Bus,
    workers: Workers,
    redis: RedisServer,
):
    workers.start()
    first = await active(bus)
    workers.start()
    await settled_at(bus, first, workers)
    await judged(bus, range(1, 5))
    workers.kill(first)
    await judged(bus, range(5, 6))
    await stopped_line(bus, 1, 1)

    pause = line_pb2.PauseRequested.FromString(
        (await bus.jetstream.get_last_msg(LINE.name, PAUSE_REQUESTED.at(AT))).data
    )
    # The third, with an empty Redis, folds the whole stream again and says the same under the same ids.
    second = await active(bus, other_than=first)
    async with Redis.from_url(redis.url) as client:
        await client.flushall()
    workers.start()
    workers.kill(second)
    await active(bus, other_than=second)
    await told(bus, 6, defective=False)
    await folded_up_to(redis, 6)

    assert await said(bus) == (1, 1)
    assert pause.request_id == f"{pause.episode_id}-1"
    order = await bus.jetstream.get_last_msg(WORKREQUEST.name, WORK_REQUESTED.at(AT))
    assert headers.fact_id(order.subject, order.headers[headers.MSG_ID]) == pause.episode_id


async def test_a_process_that_wakes_up_after_its_lease_neither_speaks_twice_nor_overwrites_the_checkpoint(
    bus: Bus,
    workers: Workers,
    redis: RedisServer,
):
    workers.start()
    asleep = await active(bus)
    workers.start()
    await settled_at(bus, asleep, workers)
    await judged(bus, range(1, 5))
    os.kill(asleep, signal.SIGSTOP)
    try:
        awake = await active(bus, other_than=asleep)
        await judged(bus, range(5, 6))
        await stopped_line(bus, 1, 1)
    finally:
        os.kill(asleep, signal.SIGCONT)
    await workers.say("postprocessing.lyon.smt1: the duty ends here")

    assert await active(bus) == awake
    assert await said(bus) == (1, 1)
    (episode,) = [e for *_, e in (await kept(redis))["state"]["episodes"] if e["stops"]]
    assert episode["phase"] == "requested", "what the second one folded is what stands there"


def rewritten(plant: Path, version: int, k: int) -> int:
    """The plant file with its first rule changed; returns the line on which `k` stands."""
    text = re.sub(r"version: \d+(?=\n  # The demo)", f"version: {version}", plant.read_text())
    text = re.sub(r"\n      k: \d+", f"\n      k: {k}", text, count=1)
    plant.write_text(text)
    return 1 + text.splitlines().index(f"      k: {k}")


async def test_the_written_rules_take_effect_without_a_restart_and_mistaken_ones_do_not(bus: Bus, workers: Workers):
    workers.start()
    await active(bus)
    rewritten(workers.plant, 100, 3)
    await workers.say("rules version 100")
    line = rewritten(workers.plant, 101, 1)
    await workers.say("the rules are refused, the old ones stay in force")
    await judged(bus, range(1, 4))
    await stopped_line(bus, 1, 1, 20)

    said_why = f"{workers.plant}:{line}: rule_set.rules.0.k: "
    assert said_why in workers.said()
    assert "fix: must be 2 or more" in workers.said()
    assert "rules version 101" not in workers.said()
