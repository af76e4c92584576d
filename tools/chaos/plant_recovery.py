"""From a fault to the part's next answer: wait for it, note how long it took, help where nothing helps itself."""

import asyncio
import contextlib
import itertools
import signal
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tools.chaos.ledgers import Span
from tools.chaos.plant_book import Book
from tools.chaos.plant_floor import PlantFloor
from tools.chaos.plant_force import send
from tools.chaos.plant_plan import CAMERAS, LINE_STREAM, STATION_STREAM, Fault, Kind
from tools.chaos.plant_strikes import Striker
from tools.chaos.plant_toll import Toll
from tools.simulators.plc_memory import EXECUTE

HELP_S = 240.0
"""Who has not come back so long after a fault does not come back: somebody helps, and it is counted."""
_LOOK_S = 0.2
_ENDED = {Kind.KILL, Kind.HANG, Kind.RESTART}
_UNANSWERED = {CAMERAS, LINE_STREAM, STATION_STREAM}
Report = Callable[[str, int], None]


@dataclass(frozen=True)
class Recovery:
    """Strikes faults and watches what comes of them."""

    floor: PlantFloor
    striker: Striker
    book: Book
    stations: Sequence[str]
    toll: Toll = field(default_factory=Toll)
    _tickets: Iterator[int] = field(default_factory=itertools.count)
    _one_at_a_time: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _helping: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def strike_all(self, plan: Sequence[Fault], at_once: int, report: Report) -> None:
        """The whole plan, in its order; a part that is still away is spared until it is back."""
        slots = asyncio.Semaphore(at_once)

        async def suffer(fault: Fault) -> None:
            try:
                async with self._one_at_a_time[fault.part]:
                    await self._suffer(fault)
            finally:
                slots.release()

        async with asyncio.TaskGroup() as group:
            for number, fault in enumerate(plan, 1):
                await asyncio.sleep(fault.after_s)
                await slots.acquire()
                report(str(fault), number)
                group.create_task(suffer(fault))

    async def all_answer(self) -> None:
        """Wait until every part answers, and help those that do not."""
        for part in self.floor.parts:
            await self._helped(part, lambda part=part: self.floor.answers(part))  # type: ignore[misc]

    async def verdicts_since(self, since: float, deadline_s: float) -> None:
        """Wait until every station had a verdict after that, or the line stands. Raises TimeoutError."""
        await _until(lambda: self._verdicts(since), deadline_s)

    async def _suffer(self, fault: Fault) -> None:
        ticket, before, began_at = next(self._tickets), self._pid(fault), time.time()
        self.toll.out(ticket, fault.part)
        try:
            async with self.striker.strike(fault):
                await asyncio.sleep(fault.lasts_s)
            self.toll.struck.append(fault)
        except TimeoutError as error:
            self.toll.unstruck[f"{fault}: {error}"] += 1
        ended_at = began_at if fault.kind in _ENDED else time.time()
        if fault.part not in _UNANSWERED:
            await self._helped(fault.part, lambda: self._answers(fault, before))
        if fault.kind is Kind.FULL:  # its probe is no proof: what counts is that it stores
            await self._verdicts_or_help(fault, ended_at)
        self.toll.recovered.append(Span(ended_at, time.time(), fault.part))
        self.toll.back(ticket)
        await self._verdicts_or_help(fault, ended_at)
        self.toll.flowed.append(Span(ended_at, time.time()))

    def _pid(self, fault: Fault) -> int:
        return 0 if fault.part in _UNANSWERED else self.floor.pid(fault.part)

    async def _answers(self, fault: Fault, before: int) -> bool:
        living = fault.kind not in _ENDED or self._pid(fault) not in {0, before}
        return living and await self.floor.answers(fault.part)

    async def _verdicts(self, since: float) -> bool:
        runs = self.floor.memory.state == EXECUTE
        return not runs or all(self.book.told_at(station) > since for station in self.stations)

    async def _verdicts_or_help(self, fault: Fault, since: float) -> None:
        try:
            await self.verdicts_since(since, HELP_S)
        except TimeoutError:
            async with self._helping:  # another fault's helper may have been here meanwhile
                lately = time.time() - HELP_S / 2
                await self._helped(fault.part, lambda: self._verdicts(lately), patience_s=_LOOK_S)

    async def _helped(self, part: str, good: Callable[[], Awaitable[bool]], patience_s: float = HELP_S) -> None:
        """Wait until it is good; then somebody loses patience and kills the part, which may try once more."""
        try:
            await _until(good, patience_s)
        except TimeoutError:
            self.toll.helped[part] += 1
            send(self.floor.pid("opcua-bridge" if part in _UNANSWERED else part), signal.SIGKILL)
            with contextlib.suppress(TimeoutError):
                await _until(good, HELP_S)


async def _until(good: Callable[[], Awaitable[bool]], deadline_s: float) -> None:
    async with asyncio.timeout(deadline_s):
        while True:  # other processes set no event
            if await good():
                return
            await asyncio.sleep(_LOOK_S)
