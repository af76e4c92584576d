"""The outbox's tables change with the code, once, and nothing that stands in them is lost (B25)."""

import asyncio

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import AsyncEngine
from test_outbox_databases import NOW, REQUEST

from services.chassis.errors import Invalid
from services.mes_connector.adapters.database import Database, open_engine
from services.mes_connector.adapters.migrations import VERSION_TABLE
from services.mes_connector.adapters.outbox import SqlOutbox
from services.mes_connector.adapters.tables import METADATA
from services.mes_connector.domain.order import Order


async def versions(engine: AsyncEngine) -> list[str]:
    async with engine.begin() as connection:
        return list(await connection.scalars(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")))


async def test_a_new_outbox_is_what_the_code_expects(engine: AsyncEngine):
    await Database(engine, 20).start()

    def differences(connection: sa.Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return list(compare_metadata(context, METADATA))

    async with engine.begin() as connection:
        assert await connection.run_sync(differences) == []
    assert await versions(engine) == ["0001"]


async def test_an_outbox_of_before_the_migrations_is_adopted_as_it_is(engine: AsyncEngine):
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    order = Order.new(REQUEST, "00-trace", NOW)
    await SqlOutbox(Database(engine, 20)).add(order)

    for _ in range(2):
        await Database(engine, 20).start()
        assert list(await SqlOutbox(Database(engine, 20)).due(NOW, 10)) == [order]
        assert await versions(engine) == ["0001"]


async def test_connectors_that_start_at_once_migrate_once(engine: AsyncEngine):
    others = [open_engine(engine.url, 20, None) for _ in range(3)]
    await asyncio.wait_for(asyncio.gather(*(Database(one, 20).start() for one in (engine, *others))), 60)
    assert await versions(engine) == ["0001"]
    for one in others:
        await one.dispose()


async def test_an_outbox_of_a_newer_version_is_refused_in_one_sentence_and_left_alone(engine: AsyncEngine):
    await Database(engine, 20).start()
    async with engine.begin() as connection:
        await connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '0999'"))

    with pytest.raises(Invalid, match=r"0999.*newer") as error:
        await asyncio.wait_for(Database(engine, 20).start(), 30)
    assert (error.value.field, "\n" in str(error.value)) == ("database_url", False)
    assert error.value.fix
    assert await versions(engine) == ["0999"]
