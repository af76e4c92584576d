"""What befalls a plant while a camera works: parts are killed, the model is swapped, golden templates are replaced."""

import asyncio
import contextlib
import itertools
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tools.chaos.plant_floor import PlantFloor
from tools.chaos.plant_force import send
from tools.chaos.plant_model import Shelf
from tools.chaos.verdicts_plan import Event, Happening

_BACK_S, _NOTICED_S, _TRICKLE_S, _LOOK_S = 240.0, 40.0, 0.3, 0.1


@dataclass
class Changes:
    """Makes the plan happen, in its order."""

    floor: PlantFloor
    people: httpx.AsyncClient
    folder: Path
    goldens: Mapping[str, bytes]
    spoken: Callable[[], str]
    """Which model the newest verdict is of."""
    happened: Counter[str] = field(default_factory=Counter)
    reached: float = 0.0
    """The frame at which the next thing happens, or happened that is not over yet; inf: nothing more happens."""

    doing: str = ""
    """What happens at the moment."""

    def __post_init__(self) -> None:
        self._turns = itertools.cycle(self.goldens)
        self._spoilt: str = ""

    async def register(self) -> None:
        """Every product's golden template. Raises TimeoutError."""
        for product in self.goldens:
            await self._put(product, product)

    async def happen(self, plan: Sequence[Happening], made: Callable[[], int]) -> None:
        """Everything, each when its frame has been made, and not before what came before is over."""
        shelf = await asyncio.to_thread(Shelf, self.floor, self.folder / "models-signed")
        for each in plan:
            self.reached = each.after
            self.doing = f"{each.event.value} {each.victim}".strip()
            await _until(lambda after=each.after: made() >= after)  # type: ignore[misc]
            if each.event is Event.KILL:
                await self._kill(each.victim, signal.SIGKILL)
            elif each.event is Event.SWAP:
                await self._swap(shelf)
            else:
                await self._change_a_golden()
            self.happened[each.event.name.lower()] += 1
        self.reached = float("inf")

    async def _kill(self, part: str, number: signal.Signals) -> None:
        """And wait for its next life. Raises TimeoutError."""
        before = self.floor.pid(part)
        send(before, number)
        async with asyncio.timeout(_BACK_S):
            while self.floor.pid(part) in {0, before} or not await self.floor.answers(part):  # noqa: ASYNC110  # no event
                await asyncio.sleep(_LOOK_S)

    async def _swap(self, shelf: Shelf) -> None:
        """Put another model there, and wait until its verdicts come; if none do, it is found at the next start."""
        before = self.spoken()
        await asyncio.to_thread(shelf.swap)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_NOTICED_S):
                while self.spoken() in {before, ""}:
                    self.reached += 1  # a frame now and then, or nobody would hear of the new one
                    await asyncio.sleep(_TRICKLE_S)
                self.happened["hot"] += 1
                return
        await self._kill("inference", signal.SIGTERM)

    async def _change_a_golden(self) -> None:
        """One product gets the template of another, which all its parts fail against; then its own again."""
        if self._spoilt:
            await self._put(self._spoilt, self._spoilt)
            self._spoilt = ""
            return
        self._spoilt = next(self._turns)
        others = [product for product in self.goldens if product != self._spoilt]
        await self._put(self._spoilt, others[0])

    async def _put(self, product: str, template: str) -> None:
        async with asyncio.timeout(_BACK_S):
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    url, files = f"/v1/products/{product}/golden", {"image": self.goldens[template]}
                    (await self.people.put(url, files=files)).raise_for_status()
                    return
                await asyncio.sleep(_LOOK_S)

    def figures(self) -> dict[str, Any]:
        """What has happened."""
        names = {Event.KILL: "kills", Event.SWAP: "swaps", Event.GOLDEN: "golden_changes"}
        counts = {name: self.happened[event.name.lower()] for event, name in names.items()}
        return {**counts, "swapped_hot": self.happened["hot"]}


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110  # frames are counted, nobody sets an event
        await asyncio.sleep(_LOOK_S)
