"""Adds news to orders that stand in the MES."""

import logging

from prometheus_client import Counter

from services.mes_connector.domain.answer import Outcome
from services.mes_connector.domain.breaker import backoff_s
from services.mes_connector.domain.order import Patience
from services.mes_connector.domain.progress import PendingNote
from services.mes_connector.handlers.gate import Gate
from services.mes_connector.handlers.worker import LONGEST_REST_S, Worker
from services.mes_connector.handlers.world import REAL, World
from services.mes_connector.ports import Notes

log = logging.getLogger("jidoka.mes")
LOST = Counter("jidoka_mes_notes_refused", "Comments that the MES would not take")


class Commenter(Worker):
    """Carries due notes, oldest first; the MES recognises a note by its id, so a repeat changes nothing."""

    def __init__(self, notes: Notes, gate: Gate, patience: Patience, batch: int, world: World = REAL) -> None:
        super().__init__()
        self._notes = notes
        self._gate = gate
        self._patience = patience
        self._batch = batch
        self._world = world

    async def work(self) -> float:
        """Raises Unavailable while the database is away."""
        await self._gate.reopen()
        for pending in await self._notes.due(self._world.now(), self._batch):
            if not self._gate.is_open:
                break
            await self._carry(pending)
        return max(self._gate.rest_s(), min(self._patience.base_s, LONGEST_REST_S))

    async def _carry(self, pending: PendingNote) -> None:
        async with self._gate.turn() as mes:
            answer = await mes.comment(pending.external_id, pending.note)
        self._gate.learn(answer)
        if answer.outcome in (Outcome.OPENED, Outcome.ABSENT, Outcome.REFUSED):
            if answer.outcome is not Outcome.OPENED:
                LOST.inc()
                log.warning("no comment %s at order %s: %s", pending.note.id, pending.external_id, answer.reason)
            await self._notes.settled(pending)
            return
        tries = pending.attempts + 1
        wait_s = backoff_s(tries, self._patience.base_s, self._patience.cap_s, self._world.draw())
        if answer.outcome is Outcome.UNKNOWN:
            wait_s = max(wait_s, self._patience.after_timeout_s)
        await self._notes.postponed(pending, self._world.now() + max(wait_s, answer.retry_after_s))
