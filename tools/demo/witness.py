"""What the mesh itself says about a lot: read back from the streams and from the MES, after the fact."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2
from jidoka.workrequest.v1 import workrequest_pb2

from services.chassis.bus import Bus
from services.contracts.subjects import PAUSE_REQUESTED, PAUSE_SETTLED, VERDICT_REACHED, WORK_REQUESTED
from tools.plant.facts import Fact, kept

_PAUSE_S = 0.2


@dataclass
class Heard:
    """Facts of one lot, in stream order."""

    verdicts: list[verdict_pb2.Verdict] = field(default_factory=list)
    requested: list[line_pb2.PauseRequested] = field(default_factory=list)
    settled: list[line_pb2.PauseSettled] = field(default_factory=list)
    orders: list[workrequest_pb2.WorkRequested] = field(default_factory=list)
    publish_ms: list[float] = field(default_factory=list)
    """From the judge to the broker's store, verdict by verdict."""

    def episodes(self) -> set[str]:
        """The incidents in which a pause was requested."""
        return {request.episode_id for request in self.requested}

    def confirmed(self) -> list[line_pb2.PauseSettled]:
        """The pauses that the PLC confirmed."""
        return [s for s in self.settled if s.outcome == line_pb2.PAUSE_OUTCOME_CONFIRMED]

    def complete(self) -> bool:
        """Whether every request has its receipt, and one of them is a confirmed pause."""
        receipts = {settled.request_id for settled in self.settled}
        return bool(self.confirmed()) and {request.request_id for request in self.requested} <= receipts


async def hear(bus: Bus, lot_id: str, deadline_s: float) -> Heard:
    """Read the streams until every request has its receipt, or the deadline has passed."""
    ends = asyncio.get_running_loop().time() + deadline_s
    while True:
        heard = Heard()
        heard.requested = [r async for r, _, _ in kept(bus, PAUSE_REQUESTED) if r.lot_id == lot_id]
        heard.orders = [o async for o, _, _ in kept(bus, WORK_REQUESTED) if o.lot_id == lot_id]
        heard.settled = [s async for s, _, _ in kept(bus, PAUSE_SETTLED) if s.episode_id in heard.episodes()]
        if heard.complete() or asyncio.get_running_loop().time() > ends:
            facts = [fact async for fact in kept(bus, VERDICT_REACHED) if fact.message.part.lot_id == lot_id]
            heard.verdicts = [fact.message for fact in facts]
            heard.publish_ms = [_publish_ms(fact) for fact in facts]
            return heard
        await asyncio.sleep(_PAUSE_S)


def _publish_ms(fact: Fact) -> float:
    judged_at: datetime = fact.message.judged_at.ToDatetime(UTC)
    return (fact.stored_at - judged_at).total_seconds() * 1000


async def orders_in_the_mes(url: str, token: str, keys: set[str], deadline_s: float) -> list[dict[str, Any]]:
    """The work orders that stand in the MES for these keys; waits until each key has one."""
    ends = asyncio.get_running_loop().time() + deadline_s
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=3) as http:
        while True:
            found: list[dict[str, Any]] = []
            with contextlib.suppress(httpx.TransportError):  # it may have been killed a moment ago, and comes back
                answer = (await http.get("/workrequests")).raise_for_status()
                found = [order for order in answer.json() if order["external_reference"] in keys]
            if keys <= {o["external_reference"] for o in found} or asyncio.get_running_loop().time() > ends:
                return found
            await asyncio.sleep(_PAUSE_S)
