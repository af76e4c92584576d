"""The ordeal of the MES connector: a bad MES, repeated requests, deaths and sleeps; and yet one order for each key."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from jidoka.frame.v1.frame_pb2 import StationPath
from jidoka.workrequest.v1 import workrequest_pb2 as wire

from services.chassis.bus import Bus
from services.chassis.run import cancel
from services.chassis.streams import Delivery, Follower, Route
from services.contracts.subjects import WORK_DEAD_LETTERED, WORK_OPENED, WORK_REQUESTED, WORKREQUEST
from tools.chaos.mes_faults import strike_forever
from tools.chaos.mes_floor import EQUIPMENT, PLACE, Floor, Keeping
from tools.plant.gates import opened
from tools.plant.provision import provision

FAULTS = {"fail_rate": 0.25, "lose_reply_rate": 0.25, "fail_after_commit_rate": 0.1}
_REPEATED, _UNMAPPABLE = 0.33, 0.02
_START_S, _PATIENCE_S_PER_REQUEST, _LEAST_PATIENCE_S = 90.0, 2.0, 180.0
_LOOK_S = 0.1
Report = Callable[[str, int], None]


@dataclass
class Said:
    """What the connectors said about each key; they may repeat themselves, in other words they may not."""

    opened: dict[str, str] = field(default_factory=dict)
    dead: dict[str, str] = field(default_factory=dict)
    position: int = 0

    async def on_opened(self, message: wire.WorkRequestOpened, delivery: Delivery) -> None:
        self.opened[message.key] = message.external_id
        self.position = delivery.sequence

    async def on_dead(self, message: wire.WorkRequestDeadLettered, delivery: Delivery) -> None:
        self.dead[message.key] = message.reason
        self.position = delivery.sequence

    @property
    def ended(self) -> int:
        """How many keys have come to an end."""
        return len(self.opened) + len(self.dead)


@dataclass(frozen=True)
class Plan:
    """What is asked for, drawn once from the seed."""

    keys: tuple[str, ...]
    unmappable: frozenset[str]
    emissions: tuple[tuple[str, str], ...]
    """(key, message id) in the order of sending."""

    @classmethod
    def drawn(cls, requests: int, seed: int) -> "Plan":
        """`requests` keys, some of which no MES can take, and a third of which are said again."""
        chance = random.Random(seed)
        keys = tuple(f"chaos-{seed}-{number:05d}" for number in range(requests))
        unmappable = frozenset(chance.sample(keys, max(1, round(requests * _UNMAPPABLE))))
        emissions = [(key, key) for key in keys]
        for key in chance.sample(keys, round(requests * _REPEATED)):
            emissions.insert(chance.randrange(len(emissions) + 1), (key, f"{key}-again"))
        return cls(keys, unmappable, tuple(emissions))


async def run(folder: Path, requests: int, seed: int, keeping: Keeping, report: Report) -> dict[str, Any]:
    """The figures; `report` hears what goes on and how many keys have ended. Raises TimeoutError when some never do."""
    plan, said, began = Plan.drawn(requests, seed), Said(), time.monotonic()
    patience_s = max(_LEAST_PATIENCE_S, requests * _PATIENCE_S_PER_REQUEST)
    async with _standing(folder, seed, keeping) as (floor, bus), _listening(bus, said):
        async with asyncio.timeout(patience_s):
            struck = await _ordeal(floor, bus, plan, said, report)
        await asyncio.to_thread(floor.behave)
        orders = await asyncio.to_thread(floor.orders)
    told = {"database": keeping.value, "seed": seed, "seconds": round(time.monotonic() - began)}
    return _figures(plan, said, orders) | {name: struck[name] for name in ("deaths", "freezes")} | told


def passed(found: dict[str, Any]) -> bool:
    """One order for each key that can be mapped, and exactly the others are dead letters."""
    return not (found["duplicates"] or found["missing"] or found["wrongly_dead"] or found["wrongly_alive"])


@contextlib.asynccontextmanager
async def _standing(folder: Path, seed: int, keeping: Keeping) -> AsyncIterator[tuple[Floor, Bus]]:
    floor = await asyncio.to_thread(Floor, folder, seed, keeping)
    bus = Bus(floor.nats_url, "chaos", "")
    try:
        async with asyncio.timeout(_START_S):
            floor.nats.start()
            await opened(f"tcp://127.0.0.1:{floor.nats_port}")
            await bus.start()
            await provision(bus)
            floor.mes.start()
            await opened(floor.mes_url.replace("workrequests", "livez"))
        await asyncio.to_thread(floor.behave, **FAULTS)
        yield floor, bus
    finally:
        await bus.stop()
        await asyncio.to_thread(floor.stop)


@contextlib.asynccontextmanager
async def _listening(bus: Bus, said: Said) -> AsyncIterator[None]:
    routes = [
        Route(WORK_OPENED.everywhere, wire.WorkRequestOpened, said.on_opened),
        Route(WORK_DEAD_LETTERED.everywhere, wire.WorkRequestDeadLettered, said.on_dead),
    ]
    follower = Follower(bus, WORKREQUEST.name, routes, lambda: said.position)
    await follower.start()
    try:
        yield
    finally:
        await follower.stop()


async def _ordeal(floor: Floor, bus: Bus, plan: Plan, said: Said, report: Report) -> Counter[str]:
    struck = Counter[str]()
    for connector in floor.connectors:
        connector.start()
    striking = asyncio.create_task(strike_forever(floor, bus, random.Random(plan.keys[0]), struck))
    sending = asyncio.create_task(_send(bus, plan))
    try:
        while said.ended < len(plan.keys) or not sending.done():
            blows = f"{struck['deaths']} killed, {struck['freezes']} frozen"
            report(f"{len(said.opened)} opened, {len(said.dead)} dead, {blows}", said.ended)
            if striking.done():
                striking.result()
            if dead := [connector for connector in floor.connectors if connector.died]:
                raise RuntimeError(f"{dead[0].name} ended by itself: {dead[0].tail(5)}")
            await asyncio.sleep(_LOOK_S)
        await sending
    finally:
        await cancel(striking, sending)
    return struck


async def _send(bus: Bus, plan: Plan) -> None:
    for key, msg_id in plan.emissions:
        await bus.publish(WORK_REQUESTED.at(PLACE), _asked(key, mapped=key not in plan.unmappable), msg_id)


def _asked(key: str, *, mapped: bool) -> Message:
    return wire.WorkRequested(
        key=key,
        episode_id=key,
        kind=wire.WORK_REQUEST_KIND_MAINTENANCE,
        title="open tracks, 5 in a row",
        priority=2,
        equipment_id=EQUIPMENT if mapped else "jidoka/lyon/electronics/unknown",
        station=StationPath(site=PLACE.site, line=PLACE.line, station=PLACE.station),
        rule_id="chaos",
    )


def _figures(plan: Plan, said: Said, orders: list[dict[str, Any]]) -> dict[str, Any]:
    standing = Counter(order["external_reference"] for order in orders)
    numbers = {order["external_reference"]: order["id"] for order in orders}
    mappable = set(plan.keys) - plan.unmappable
    return {
        "requests": len(plan.emissions),
        "keys": len(plan.keys),
        "orders": len(orders),
        "duplicates": sum(standing.values()) - len(standing),
        "missing": sum(key not in standing or said.opened.get(key) != numbers[key] for key in mappable),
        "dead": len(said.dead),
        "unmappable": len(plan.unmappable),
        "wrongly_dead": len(set(said.dead) - plan.unmappable),
        "wrongly_alive": len(plan.unmappable - set(said.dead)) + len(plan.unmappable & set(standing)),
        "faults": FAULTS,
    }
