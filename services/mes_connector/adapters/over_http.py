"""What all systems behind HTTP do alike: each question within one deadline, an order in the trace of its rule."""

from collections.abc import Awaitable, Sequence

from services.mes_connector.adapters.attempt import attempt
from services.mes_connector.adapters.http import Http
from services.mes_connector.domain.answer import Answer
from services.mes_connector.domain.order import Order
from services.mes_connector.domain.progress import Filed, Note, Polled


class OverHttp:
    """The questions of the port `Mes`; how each is asked in several calls, a subclass says under the same name."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def start(self) -> None:
        await self._http.start()

    async def stop(self) -> None:
        await self._http.stop()

    async def create(self, order: Order) -> Answer:
        """Create the order in the system."""
        return await attempt(order, lambda it: self._within(self._create(it)))

    async def find(self, key: str) -> Answer:
        """Look for our reference."""
        return await self._within(self._find(key))

    async def comment(self, external_id: str, note: Note) -> Answer:
        """Append a note unless it stands there."""
        return await self._within(self._comment(external_id, note))

    async def progress(self, orders: Sequence[Filed]) -> Polled:
        """Where these orders stand."""
        return await self._http.within(self._progress(orders), Polled)

    async def _within(self, work: Awaitable[Answer]) -> Answer:
        return await self._http.within(work)

    async def _create(self, order: Order) -> Answer:
        raise NotImplementedError

    async def _find(self, key: str) -> Answer:
        raise NotImplementedError

    async def _comment(self, external_id: str, note: Note) -> Answer:
        raise NotImplementedError

    async def _progress(self, orders: Sequence[Filed]) -> Polled:
        raise NotImplementedError
