"""The outbox in SQL: what is on its way to the MES."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from services.mes_connector.adapters import rows
from services.mes_connector.adapters.database import Database
from services.mes_connector.adapters.tables import IS_OPEN, IS_UNTOLD, ORDERS, PROGRESS
from services.mes_connector.domain.order import Backlog, Order, State


class SqlOutbox:
    """Orders in a table; each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, order: Order) -> bool:
        """Insert; False when the key is there already."""
        try:
            async with self._database.transaction() as connection:
                await connection.execute(sa.insert(ORDERS).values(key=order.request.key, **rows.columns(order)))
            return True
        except IntegrityError:
            return False

    async def due(self, now: float, limit: int) -> Sequence[Order]:
        """Open orders whose time has come, oldest first."""
        return await self._read(IS_OPEN & (ORDERS.c.next_attempt_at <= now), limit)

    async def unannounced(self, limit: int) -> Sequence[Order]:
        """Ended orders whose end was not told yet."""
        return await self._read(IS_UNTOLD, limit)

    async def write(self, order: Order, attempts: int) -> bool:
        """Replace the row if it still stands at `attempts` and is open."""
        return await self._update((ORDERS.c.attempts == attempts) & IS_OPEN, order)

    async def requeue(self, key: str, now: float) -> bool:
        """Open a dead order again, whose next end is to be told as well; what was told of the last one is forgotten."""
        for dead in await self._read((ORDERS.c.key == key) & (ORDERS.c.state == State.DEAD), 1):
            opened = await self._update(ORDERS.c.state == State.DEAD, dead.requeued(now), announced=False)
            await self._forget_told(key)
            return opened
        return False

    async def _forget_told(self, key: str) -> None:
        async with self._database.transaction() as connection:
            told = (PROGRESS.c.key == key) & PROGRESS.c.told.is_(sa.true())
            await connection.execute(sa.delete(PROGRESS).where(told))

    async def announced(self, order: Order) -> None:
        """Remember that this end was told, unless the order goes on."""
        same = (ORDERS.c.key == order.request.key) & (ORDERS.c.state == order.state)
        same &= ORDERS.c.attempts == order.attempts
        async with self._database.transaction() as connection:
            await connection.execute(sa.update(ORDERS).where(same).values(announced=True))

    async def backlog(self) -> Backlog:
        """The figures."""
        waiting = sa.select(sa.func.count(), sa.func.min(ORDERS.c.created_at), sa.func.min(ORDERS.c.next_attempt_at))
        async with self._database.transaction() as connection:
            depth, oldest_at, next_at = (await connection.execute(waiting.where(IS_OPEN))).one()
            dead = await connection.scalar(sa.select(sa.func.count()).where(ORDERS.c.state == State.DEAD))
        return Backlog(depth, dead or 0, oldest_at, next_at)

    async def _update(self, condition: Any, order: Order, **more: Any) -> bool:
        same = (ORDERS.c.key == order.request.key) & condition
        async with self._database.transaction() as connection:
            result = await connection.execute(sa.update(ORDERS).where(same).values(**rows.columns(order), **more))
        return bool(result.rowcount == 1)

    async def _read(self, condition: Any, limit: int) -> Sequence[Order]:
        query = sa.select(ORDERS).where(condition).order_by(ORDERS.c.created_at).limit(limit)
        async with self._database.transaction() as connection:
            return [rows.order(row) for row in await connection.execute(query)]
