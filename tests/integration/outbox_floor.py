"""An outbox in which nothing is, on each database that it may stand on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.mes_connector.adapters.database import open_engine
from services.mes_connector.adapters.migrations import VERSION_TABLE
from services.mes_connector.adapters.tables import METADATA

PASSWORD = "s3cret/@ of tests"


@asynccontextmanager
async def emptied(url: sa.URL) -> AsyncIterator[AsyncEngine]:
    """All that stands in it goes at the end: the server is one for many tests."""
    engine = open_engine(url, 20, None)
    yield engine
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.drop_all)
        await connection.execute(sa.text(f"DROP TABLE IF EXISTS {VERSION_TABLE}"))
    await engine.dispose()
