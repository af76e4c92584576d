"""Where the outbox is kept: SQLite (WAL, every commit on disk) or PostgreSQL."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from services.chassis.backoff import Backoff
from services.chassis.errors import Invalid, Unavailable
from services.mes_connector.adapters.migrations import migrate

log = logging.getLogger("jidoka.mes")
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
_LOOPBACK = (None, "", "localhost", "127.0.0.1", "::1")


def async_url(url: str, password: str = "") -> URL:
    """The URL with the driver that we use. Raises Invalid for another database, a bad place or a password in it."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Invalid("not a database URL", field="database_url", fix="sqlite:////path or postgresql://…") from error
    driver = _DRIVERS.get(parsed.get_backend_name())
    if driver is None:
        raise Invalid(f"{parsed.drivername} is not known", field="database_url", fix="use sqlite or postgresql")
    if parsed.password:
        raise Invalid("a password stands in it", field="database_url", fix="put it into database_password_file")
    if driver.startswith("sqlite") and not (parsed.database and Path(parsed.database).parent.is_dir()):
        raise Invalid("no such folder", field="database_url", fix="create the folder of the SQLite file")
    if driver.startswith("sqlite") and password:
        raise Invalid("SQLite has no passwords", field="database_password_file", fix="leave it out, or use postgresql")
    return parsed.set(drivername=driver, password=password or None)


def open_engine(url: URL, deadline_s: float, ca_file: Path | None) -> AsyncEngine:
    """An engine that waits at most `deadline_s` for a connection; PostgreSQL beyond loopback is spoken to over TLS."""
    if url.get_backend_name() == "sqlite":
        # One connection: transactions queue here, in order, instead of failing on the file lock.
        engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=deadline_s, hide_parameters=True)
        event.listen(engine.sync_engine, "connect", _durable)
        return engine
    trust = False if url.host in _LOOPBACK else ssl.create_default_context(cafile=ca_file)
    # A process that sleeps in the middle of a transaction must not keep its row from the one that has taken over.
    limits = {"idle_in_transaction_session_timeout": f"{deadline_s * 1000:.0f}"}
    arguments = {"timeout": deadline_s, "command_timeout": deadline_s, "ssl": trust, "server_settings": limits}
    return create_async_engine(
        url, pool_timeout=deadline_s, pool_pre_ping=True, hide_parameters=True, connect_args=arguments
    )


def _durable(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


class Database:
    """One transaction at a time for whoever needs one."""

    def __init__(self, engine: AsyncEngine, deadline_s: float) -> None:
        self._engine = engine
        self._deadline_s = deadline_s

    async def start(self) -> None:
        """Bring the tables to what this code knows; waits for a database that is still away.

        Raises Invalid for an outbox of a newer version.
        """
        backoff = Backoff(0.2, 10.0)
        while True:
            try:
                async with self.transaction() as connection:
                    await connection.run_sync(migrate)
                return
            except Unavailable as error:
                log.warning("waiting for the outbox: %s", error)
                await backoff.wait()

    async def stop(self) -> None:
        await self._engine.dispose()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """All or nothing within the deadline. Raises Unavailable, and IntegrityError for a key that is there."""
        try:
            async with asyncio.timeout(self._deadline_s), self._engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise Unavailable(f"the outbox database is away: {type(error).__name__}: {error}") from error
