"""Where the outbox is kept: SQLite (WAL, every commit on disk) or PostgreSQL."""

import ssl
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services.chassis.errors import Invalid

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
    return parsed.set(drivername=driver, password=password or None)


def open_engine(url: URL, deadline_s: float, ca_file: Path | None) -> AsyncEngine:
    """An engine that waits at most `deadline_s` for a connection; PostgreSQL beyond loopback is spoken to over TLS."""
    if url.get_backend_name() == "sqlite":
        # One connection: transactions queue here, in order, instead of failing on the file lock.
        engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=deadline_s, hide_parameters=True)
        event.listen(engine.sync_engine, "connect", _durable)
        return engine
    trust = False if url.host in _LOOPBACK else ssl.create_default_context(cafile=ca_file)
    arguments = {"timeout": deadline_s, "command_timeout": deadline_s, "ssl": trust}
    return create_async_engine(
        url, pool_timeout=deadline_s, pool_pre_ping=True, hide_parameters=True, connect_args=arguments
    )


def _durable(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
