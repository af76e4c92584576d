"""The outbox in SQL: one table, created at start."""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.chassis.errors import Unavailable
from services.mes_connector.domain.order import OPEN_STATES, Backlog, Order, State
from services.mes_connector.domain.work_request import Kind, Place, WorkRequest

log = logging.getLogger("jidoka.mes")

_metadata = sa.MetaData()
# Times are Unix seconds. SENT and DEAD rows stay: their key is what makes a late repeat a no-op.
_orders = sa.Table(
    "work_orders",
    _metadata,
    sa.Column("key", sa.String(128), primary_key=True),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("traceparent", sa.String(64), nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_attempt_at", sa.Double, nullable=False),
    sa.Column("external_id", sa.Text, nullable=False),
    sa.Column("last_error", sa.Text, nullable=False),
    sa.Column("announced", sa.Boolean, nullable=False, default=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
)
sa.Index("work_orders_by_state", _orders.c.state, _orders.c.announced, _orders.c.next_attempt_at)
_is_open = _orders.c.state.in_(OPEN_STATES)
_is_untold = _orders.c.state.in_((State.SENT, State.DEAD)) & _orders.c.announced.is_(sa.false())


class SqlOutbox:
    """Orders in a table; each method is one transaction."""

    def __init__(self, engine: AsyncEngine, deadline_s: float) -> None:
        self._engine = engine
        self._deadline_s = deadline_s

    async def start(self) -> None:
        """Create the schema; waits for a database that is still away."""
        pause_s = 0.2
        while True:
            try:
                async with self._transaction() as connection:
                    await connection.run_sync(_metadata.create_all)
                return
            except Unavailable as error:
                log.warning("waiting for the outbox: %s", error)
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))
                pause_s = min(pause_s * 2, 10.0)

    async def stop(self) -> None:
        await self._engine.dispose()

    async def add(self, order: Order) -> bool:
        """Insert; False when the key is there already."""
        try:
            async with self._transaction() as connection:
                await connection.execute(sa.insert(_orders).values(key=order.request.key, **_columns(order)))
            return True
        except IntegrityError:
            return False

    async def due(self, now: float, limit: int) -> Sequence[Order]:
        """Open orders whose time has come, oldest first."""
        return await self._read(_is_open & (_orders.c.next_attempt_at <= now), limit)

    async def unannounced(self, limit: int) -> Sequence[Order]:
        """Ended orders whose end was not told yet."""
        return await self._read(_is_untold, limit)

    async def write(self, order: Order, attempts: int) -> bool:
        """Replace the row if it still stands at `attempts` and is open."""
        same = (_orders.c.key == order.request.key) & (_orders.c.attempts == attempts) & _is_open
        async with self._transaction() as connection:
            result = await connection.execute(sa.update(_orders).where(same).values(**_columns(order)))
        return bool(result.rowcount == 1)

    async def announced(self, key: str) -> None:
        """Remember that the end was told."""
        async with self._transaction() as connection:
            await connection.execute(sa.update(_orders).where(_orders.c.key == key).values(announced=True))

    async def backlog(self) -> Backlog:
        """The figures."""
        waiting = sa.select(sa.func.count(), sa.func.min(_orders.c.created_at), sa.func.min(_orders.c.next_attempt_at))
        async with self._transaction() as connection:
            depth, oldest_at, next_at = (await connection.execute(waiting.where(_is_open))).one()
            dead = await connection.scalar(sa.select(sa.func.count()).where(_orders.c.state == State.DEAD))
        return Backlog(depth, dead or 0, oldest_at, next_at)

    async def _read(self, condition: Any, limit: int) -> Sequence[Order]:
        query = sa.select(_orders).where(condition).order_by(_orders.c.created_at).limit(limit)
        async with self._transaction() as connection:
            return [_order(row) for row in await connection.execute(query)]

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with asyncio.timeout(self._deadline_s), self._engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise Unavailable(f"the outbox database is away: {type(error).__name__}: {error}") from error


def _columns(order: Order) -> dict[str, Any]:
    return {
        "request": asdict(order.request),
        "traceparent": order.traceparent,
        "state": order.state,
        "attempts": order.attempts,
        "next_attempt_at": order.next_attempt_at,
        "external_id": order.external_id,
        "last_error": order.last_error,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
    }


def _order(row: sa.Row[Any]) -> Order:
    kept = dict(row.request)
    kept |= {
        "kind": Kind(kept["kind"]),
        "place": Place(**kept["place"]),
        "inspection_ids": tuple(kept["inspection_ids"]),
    }
    return Order(
        request=WorkRequest(**kept),
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        updated_at=row.updated_at,
        traceparent=row.traceparent,
        state=State(row.state),
        attempts=row.attempts,
        external_id=row.external_id,
        last_error=row.last_error,
    )
