"""Tells the mesh what became of orders."""

from services.mes_connector.handlers.worker import LONGEST_REST_S, Worker
from services.mes_connector.ports import FollowUp, Herald, Outbox


class Announcer(Worker):
    """Tells how each order was filed and how it ended, at least once and always under the same message id."""

    def __init__(self, outbox: Outbox, follow_up: FollowUp, herald: Herald, batch: int) -> None:
        super().__init__()
        self._outbox = outbox
        self._follow_up = follow_up
        self._herald = herald
        self._batch = batch

    async def work(self) -> float:
        filed = await self._outbox.unannounced(self._batch)
        for order in filed:
            await self._herald.announce(order)
            await self._outbox.announced(order)
        ended = await self._follow_up.untold(self._batch)
        for order, progress in ended:
            await self._herald.ended(order, progress)
            await self._follow_up.told(order.request.key)
        return 0.0 if filed or ended else LONGEST_REST_S
