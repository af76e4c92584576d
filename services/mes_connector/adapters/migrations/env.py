"""Run by Alembic: the connection, its transaction and its lock are those of `migrate`."""

from alembic import context

from services.mes_connector.adapters.migrations import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
