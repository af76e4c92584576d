"""Several processes, several duties, one real broker: each gets its share, and nothing is done twice."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from servers import NatsServer, until

from services.chassis.bus import Bus
from services.chassis.crew import Crew
from services.chassis.lease import Lease
from services.chassis.run import Component

DUTIES = ("lyon.smt1", "lyon.smt2", "lyon.smt3", "lyon.smt4")


class Floor:
    """Who works on what, now; two at once is what must never be."""

    def __init__(self) -> None:
        self.at_work: dict[str, str] = {}
        self.doubles: list[str] = []

    def of(self, member: str) -> dict[str, str]:
        return {duty: who for duty, who in self.at_work.items() if who == member}


class Work:
    def __init__(self, floor: Floor, duty: str, member: str) -> None:
        self.floor, self.duty, self.member = floor, duty, member

    async def start(self) -> None:
        if self.duty in self.floor.at_work:
            self.floor.doubles.append(self.duty)
        self.floor.at_work[self.duty] = self.member

    async def stop(self) -> None:
        if self.floor.at_work.get(self.duty) == self.member:
            del self.floor.at_work[self.duty]


@asynccontextmanager
async def member(url: str, floor: Floor, name: str) -> AsyncIterator[Sequence[Lease]]:
    bus = Bus(url, "postprocessing", "")
    await bus.start()
    crew = Crew(bus)
    leases = [Lease(bus, duty, lambda _, duty=duty: [Work(floor, duty, name)], crew) for duty in DUTIES]
    components: list[Component] = [crew, *leases]
    for component in components:
        await component.start()
    try:
        yield leases
    finally:
        for component in reversed(components):
            await component.stop()
        await bus.stop()


async def test_who_joins_gets_a_share_and_who_stays_takes_it_back(bus: Bus, nats_server: NatsServer):
    """The first of several processes took all leases for as long as it lived."""
    floor = Floor()
    async with member(nats_server.url, floor, "first") as leases:
        await until(lambda: len(floor.of("first")) == 4, 60)
        async with member(nats_server.url, floor, "second"):
            await until(lambda: (len(floor.of("first")), len(floor.of("second"))) == (2, 2), 60)
            await until(lambda: all(lease.healthy() for lease in leases), 60)
            async with member(nats_server.url, floor, "third"):
                await until(lambda: len(floor.of("third")) >= 1 or len(floor.of("first")) <= 2, 60)
                await until(lambda: len(floor.at_work) == 4, 60)
        await until(lambda: len(floor.of("first")) == 4, 60)
    assert floor.doubles == []
    await asyncio.sleep(0)
