"""Where orders stand in the MES, in SQL."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.mes_connector.adapters import rows
from services.mes_connector.adapters.database import Database
from services.mes_connector.adapters.tables import FOLLOWED, HAS_ENDED, IS_OPEN, ORDERS, PROGRESS, STANDS
from services.mes_connector.domain.order import Order
from services.mes_connector.domain.progress import CLOSED, Filed, Progress, Status


class SqlFollowUp:
    """Progress in a table beside the orders; each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_orders(self, asked_before: float, limit: int) -> dict[Filed, float]:
        """Those that were asked after longest ago come first."""
        asked_at = sa.func.coalesce(PROGRESS.c.asked_at, 0.0)
        query = sa.select(ORDERS.c.key, ORDERS.c.external_id, ORDERS.c.updated_at).select_from(FOLLOWED)
        query = query.where(STANDS & (asked_at <= asked_before)).order_by(asked_at, ORDERS.c.created_at).limit(limit)
        async with self._database.transaction() as connection:
            found = await connection.execute(query)
            return {Filed(row.key, row.external_id): row.updated_at for row in found}

    async def asked(self, keys: Sequence[str], now: float) -> None:
        """Remember when these were asked after."""
        async with self._database.transaction() as connection:
            for key in keys:
                await _put(connection, key, {"asked_at": now})

    async def progressed(self, progress: Progress, now: float) -> bool:
        """Keep it, unless it says nothing new or the order has ended already.

        Whatever we know of the order: an MES may report before it has answered us, and it may say so only once (B10).
        """
        query = sa.select(PROGRESS.c.status).select_from(FOLLOWED).where(ORDERS.c.key == progress.key)
        async with self._database.transaction() as connection:
            before = (await connection.execute(query)).first()
            if before is None or before.status in {progress.status.value, *(status.value for status in CLOSED)}:
                return False
            kept = {"status": progress.status.value, "changed_at": progress.changed_at or now}
            await _put(connection, progress.key, {**kept, "remark": progress.remark})
        return True

    async def untold(self, limit: int) -> Sequence[tuple[Order, Progress]]:
        """Oldest change first; of an order that is still on its way, once it has arrived or died."""
        query = sa.select(ORDERS, PROGRESS.c.status, PROGRESS.c.changed_at, PROGRESS.c.remark).select_from(FOLLOWED)
        untold = HAS_ENDED & ~IS_OPEN & PROGRESS.c.told.is_(sa.false())
        query = query.where(untold).order_by(PROGRESS.c.changed_at).limit(limit)
        async with self._database.transaction() as connection:
            return [
                (
                    rows.order(row),
                    Progress(row.key, row.external_id, Status(row.status), row.changed_at, row.remark),
                )
                for row in await connection.execute(query)
            ]

    async def told(self, key: str) -> None:
        """Remember that the end was told."""
        async with self._database.transaction() as connection:
            await connection.execute(sa.update(PROGRESS).where(PROGRESS.c.key == key).values(told=True))


async def _put(connection: AsyncConnection, key: str, values: dict[str, object]) -> None:
    """Only the holder of the lease writes here: what is not updated is not there."""
    result = await connection.execute(sa.update(PROGRESS).where(PROGRESS.c.key == key).values(**values))
    if not result.rowcount:
        await connection.execute(sa.insert(PROGRESS).values(key=key, **values))
