"""The outbox's tables from one version of this code to the next (Alembic); applied by whichever connector starts first.

A change of `tables.py` needs a file in `versions/`; `tests/integration/test_outbox_migrations.py` says so otherwise.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from services.chassis.errors import Invalid

VERSION_TABLE = "work_order_schema"
_LOCK = 0x6A69646F6B61  # "jidoka": PostgreSQL's advisory locks have numbers for names


def migrate(connection: sa.Connection) -> None:
    """All that is missing, in the transaction that `connection` has; a second connector waits for the first.

    Raises Invalid for an outbox that a newer version has changed: it knows columns that we would leave empty.
    """
    _lock(connection)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    known = [revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()]
    stands_at = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    if stands_at is not None and stands_at not in known:
        raise Invalid(
            f"the outbox is at {stands_at}, of a newer version of Jidoka than this one, which knows {known[0]}",
            field="database_url",
            fix="start the newer version, or restore the outbox that was saved before the upgrade",
        )
    if stands_at != known[0]:
        command.upgrade(config, "head")


def _lock(connection: sa.Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # sqlite3 itself begins only with the first INSERT
    else:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
