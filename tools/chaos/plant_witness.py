"""The other ledgers of an ordeal, read beside all wires: the stream as its admin, the PLC's memory, the MES.

LINE may be made anew under way, so it is read all the time, and sealed before it goes: what is in it then is all.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from jidoka.line.v1 import line_pb2
from nats.errors import Error as NatsError

from services.chassis.errors import Unavailable
from services.contracts.instant import seconds
from services.contracts.subjects import (
    LINE,
    PAUSE_PROGRESSED,
    PAUSE_REQUESTED,
    PAUSE_SETTLED,
    VERDICT_REACHED,
    WORK_REQUESTED,
    Subject,
)
from tools.chaos.ledgers import Request, Said, Span, Written
from tools.chaos.plant_floor import MES, PlantFloor
from tools.plant.facts import Fact, kept, stored
from tools.simulators.plc_memory import EXECUTE

_LOOK_S, _PLC_LOOK_S = 2.0, 0.02
_OVERLAP = timedelta(seconds=30)
_READ_S = 300.0
_AWAY = (NatsError, TimeoutError, OSError, Unavailable)


@dataclass
class Witness:
    """Follows what cannot be read back afterwards; reads the rest at the end."""

    floor: PlantFloor
    requests: dict[str, Request] = field(default_factory=dict)
    written: dict[tuple[str, int], Written] = field(default_factory=dict)
    held: list[Span] = field(default_factory=list)
    _held_since: float = 0.0
    _since: Any = None
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def follow(self) -> None:
        """Read LINE again and again, until cancelled."""
        while True:
            with contextlib.suppress(*_AWAY):
                await self.look()
            await asyncio.sleep(_LOOK_S)

    async def follow_plc(self) -> None:
        """Note when the line stands, until cancelled."""
        while True:
            self.see(running=self.floor.memory.state == EXECUTE)
            await asyncio.sleep(_PLC_LOOK_S)

    def see(self, *, running: bool) -> None:
        """Whether the line runs at this moment."""
        now = time.time()
        if not running and not self._held_since:
            self._held_since = now
        elif running and self._held_since:
            self.held.append(Span(self._held_since, now))
            self._held_since = 0.0

    async def look(self) -> None:
        """Everything that is new in LINE. Raises NatsError, TimeoutError or OSError."""
        subjects = [PAUSE_REQUESTED, PAUSE_PROGRESSED]
        async with self._reading:
            newest = self._since
            async for found in stored(self.floor.bus, LINE, [subject.everywhere for subject in subjects], self._since):
                newest = max(newest or found.stored_at, found.stored_at - _OVERLAP)
                message = found.decoded()
                if isinstance(message, line_pb2.PauseRequested):
                    self.requests[message.request_id] = Request(message.episode_id, seconds(message.expires_at))
                elif isinstance(message, line_pb2.PauseProgressed) and message.command_id:
                    self._writes(message.request_id, message.command_id, seconds(message.at))
            self._since = newest

    async def receipts(self) -> list[Span]:
        """The requests that are believed executed; what receipts say of numbers is noted, too. Raises TimeoutError."""
        confirmed = []
        for fact in await self._all(PAUSE_SETTLED):
            told = fact.message
            ended_at = seconds(told.settled_at)
            sent_at = seconds(told.sent_at) if told.HasField("sent_at") else ended_at
            if told.command_id:
                self._writes(told.request_id, told.command_id, sent_at)
            if told.outcome == line_pb2.PAUSE_OUTCOME_CONFIRMED:
                confirmed.append(Span(sent_at, ended_at, told.request_id))
        return confirmed

    async def verdicts(self) -> list[Said]:
        """All that the stream keeps. Raises TimeoutError."""
        return [
            Said(
                fact.message.station.station,
                fact.message.inspection_id,
                fact.message.SerializeToString(deterministic=True),
                fact.stored_at.timestamp(),
            )
            for fact in await self._all(VERDICT_REACHED)
        ]

    async def wanted(self) -> list[str]:
        """Keys of the orders that the rules asked for. Raises TimeoutError."""
        return [fact.message.key for fact in await self._all(WORK_REQUESTED)]

    async def orders(self, wanted: set[str], deadline_s: float) -> list[str]:
        """Keys of the orders in the MES, once all that are wanted are there, or the time is over."""
        standing: list[str] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s), people(self.floor) as mes:
                while not wanted <= set(standing):
                    with contextlib.suppress(httpx.HTTPError):
                        answer = (await mes.get("/workrequests")).raise_for_status()
                        standing = [order["external_reference"] for order in answer.json()]
                    await asyncio.sleep(_LOOK_S / 4)
        return standing

    def _writes(self, request_id: str, command: int, at: float) -> None:
        known = self.written.get((request_id, command))
        if known is None or at < known.at:
            self.written[request_id, command] = Written(request_id, command, at)

    async def _all(self, subject: Subject) -> list[Fact]:
        async with asyncio.timeout(_READ_S):
            while True:
                with contextlib.suppress(*_AWAY):
                    return [fact async for fact in kept(self.floor.bus, subject)]
                await asyncio.sleep(_LOOK_S)


@contextlib.asynccontextmanager
async def people(floor: PlantFloor) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody at the MES."""
    headers = {"Authorization": f"Bearer {floor.state.secret('mes.people-token')}"}
    async with httpx.AsyncClient(base_url=floor.state.url(MES), headers=headers, trust_env=False, timeout=10) as http:
        yield http
