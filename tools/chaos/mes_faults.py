"""What befalls the connectors: one is killed, or sleeps on while another takes its duty over."""

import asyncio
import itertools
import random
from collections import Counter

from nats.js.errors import NotFoundError

from services.chassis.bus import Bus
from services.chassis.lease import process_of
from services.contracts.subjects import LEASES
from tools.chaos.mes_floor import SYSTEM, Floor

_LIFE_S = (5.0, 20.0)  # between two blows: a take-over takes up to four seconds, and some work shall be done
_ASLEEP_S = (0.0, 2.0)  # after the take-over
_TAKE_OVER_S = 90.0
_LOOK_S = 0.1


async def strike_forever(floor: Floor, bus: Bus, chance: random.Random, struck: Counter[str]) -> None:
    """A death and a sleep by turns; `struck` counts `deaths` and `freezes`. Raises TimeoutError: nobody took over."""
    for blow in itertools.cycle(chance.sample((_kill, _freeze), 2)):
        await asyncio.sleep(chance.uniform(*_LIFE_S))
        await blow(floor, bus, chance, struck)


async def _kill(floor: Floor, _: Bus, chance: random.Random, struck: Counter[str]) -> None:
    await asyncio.to_thread(floor.kill_one, chance)
    struck["deaths"] += 1


async def _freeze(floor: Floor, bus: Bus, chance: random.Random, struck: Counter[str]) -> None:
    """Who has the duty sleeps in the middle of anything, past its lease, and wakes up in the belief that he has it."""
    pids = {connector.pid: connector for connector in floor.connectors}
    sleeper = pids.pop(await _held_by(bus, set(pids)))
    sleeper.pause()
    struck["freezes"] += 1
    try:
        await _held_by(bus, set(pids))
        await asyncio.sleep(chance.uniform(*_ASLEEP_S))
    finally:
        sleeper.wake()


async def _held_by(bus: Bus, wanted: set[int]) -> int:
    """The process that has the duty, once it is one of these."""
    async with asyncio.timeout(_TAKE_OVER_S):
        while (pid := await _holder(bus)) not in wanted:  # noqa: ASYNC110  # the bucket tells nobody
            await asyncio.sleep(_LOOK_S)
    return pid


async def _holder(bus: Bus) -> int:
    """The process that has the duty; 0: none."""
    try:
        entry = await (await bus.jetstream.key_value(LEASES)).get(f"mes-connector.{SYSTEM}")
    except NotFoundError:
        return 0
    return process_of(entry.value or b"")
