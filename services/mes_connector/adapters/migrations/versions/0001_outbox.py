"""Orders, where they stand, and comments. What is there already was made before there were migrations: it stays."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make what is not there."""
    op.create_table(
        "work_orders",
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("traceparent", sa.String(64), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", sa.Double, nullable=False),
        sa.Column("external_id", sa.Text, nullable=False),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("announced", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        if_not_exists=True,
    )
    by_state = ["state", "announced", "next_attempt_at"]
    op.create_index("work_orders_by_state", "work_orders", by_state, if_not_exists=True)
    op.create_table(
        "work_order_progress",
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.Column("remark", sa.Text, nullable=False),
        sa.Column("asked_at", sa.Double, nullable=False),
        sa.Column("told", sa.Boolean, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "work_order_notes",
        sa.Column("id", sa.String(160), primary_key=True),
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", sa.Double, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
        if_not_exists=True,
    )
