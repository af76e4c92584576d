"""An MES that keeps its word: what an adapter raises in spite of the port becomes an Answer about that order (F12)."""

import logging
from collections import Counter
from collections.abc import Awaitable, Sequence

from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.order import Order
from services.mes_connector.domain.progress import Filed, Finding, Note, Polled, Preview, Progress
from services.mes_connector.ports import Mes

log = logging.getLogger("jidoka.mes")
_TRIES = 5


class Sheltered:
    """UNKNOWN for what broke the adapter, REFUSED when it did so for the fifth time: then people look at it."""

    def __init__(self, mes: Mes) -> None:
        self._mes = mes
        self._broken: Counter[str] = Counter()

    async def find(self, key: str) -> Answer:
        return await self._sheltered(key, self._mes.find(key))

    async def create(self, order: Order) -> Answer:
        return await self._sheltered(order.request.key, self._mes.create(order))

    async def comment(self, external_id: str, note: Note) -> Answer:
        return await self._sheltered(f"{external_id} {note.id}", self._mes.comment(external_id, note))

    async def probe(self) -> Answer:
        return await self._sheltered("", self._mes.probe())

    async def progress(self, orders: Sequence[Filed]) -> Polled:
        """All in one question; if that breaks the adapter one by one, without those that do."""
        try:
            return await self._mes.progress(orders)
        except Exception as error:
            log.error("how %d orders stand broke the adapter: %s", len(orders), _words(error))
            if len(orders) == 1:
                return Polled(Answer(Outcome.UNKNOWN, reason=_words(error)))
        return await self._one_by_one(orders)

    async def examine(self) -> Sequence[Finding]:
        return await self._mes.examine()

    def preview(self, order: Order) -> Preview:
        return self._mes.preview(order)

    async def _one_by_one(self, orders: Sequence[Filed]) -> Polled:
        seen: list[Progress] = []
        for order in orders:
            try:
                polled = await self._mes.progress([order])
            except Exception as error:
                log.error("how order %s stands broke the adapter: %s", order.key, _words(error))
                continue
            seen += polled.orders
            if polled.answer.outcome is not Outcome.OPENED:
                return Polled(polled.answer, tuple(seen))
        return Polled(Answer(Outcome.OPENED), tuple(seen))

    async def _sheltered(self, about: str, asked: Awaitable[Answer]) -> Answer:
        try:
            answer = await asked
        except Exception as error:  # a bug, or an answer that nobody thought of: it must not stop the other orders
            return self._broke(about, error)
        if answer.outcome in (Outcome.OPENED, Outcome.REFUSED):
            self._broken.pop(about, None)
        return answer

    def _broke(self, about: str, error: Exception) -> Answer:
        self._broken[about] += 1
        log.error("%s broke the adapter: %s", about or "a probe", _words(error), exc_info=self._broken[about] == 1)
        if not about or self._broken[about] < _TRIES:
            return Answer(Outcome.UNKNOWN, reason=_words(error))
        del self._broken[about]
        return Answer(Outcome.REFUSED, reason=f"it broke the adapter {_TRIES} times: {_words(error)}")


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
