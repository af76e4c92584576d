"""The outbox's tables; a change here needs a file in migrations/versions. Times are Unix seconds."""

import sqlalchemy as sa

from services.mes_connector.domain.order import OPEN_STATES, State
from services.mes_connector.domain.progress import CLOSED

METADATA = sa.MetaData()
# SENT and DEAD rows stay: their key is what makes a late repeat a no-op.
ORDERS = sa.Table(
    "work_orders",
    METADATA,
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
sa.Index("work_orders_by_state", ORDERS.c.state, ORDERS.c.announced, ORDERS.c.next_attempt_at)
PROGRESS = sa.Table(
    "work_order_progress",
    METADATA,
    sa.Column("key", sa.String(128), primary_key=True),
    sa.Column("status", sa.String(16), nullable=False, default="open"),
    sa.Column("changed_at", sa.Double, nullable=False, default=0.0),
    sa.Column("remark", sa.Text, nullable=False, default=""),
    sa.Column("asked_at", sa.Double, nullable=False, default=0.0),
    sa.Column("told", sa.Boolean, nullable=False, default=False),
)
NOTES = sa.Table(
    "work_order_notes",
    METADATA,
    sa.Column("id", sa.String(160), primary_key=True),
    sa.Column("key", sa.String(128), primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("next_attempt_at", sa.Double, nullable=False, default=0.0),
    sa.Column("done", sa.Boolean, nullable=False, default=False),
)

IS_OPEN = ORDERS.c.state.in_(OPEN_STATES)
IS_UNTOLD = ORDERS.c.state.in_((State.SENT, State.DEAD)) & ORDERS.c.announced.is_(sa.false())
HAS_ENDED = PROGRESS.c.status.in_([status.value for status in CLOSED])
# An order that nobody has asked after yet has no row in PROGRESS.
STANDS = (ORDERS.c.state == State.SENT) & (PROGRESS.c.status.is_(None) | ~HAS_ENDED)
FOLLOWED = ORDERS.outerjoin(PROGRESS, ORDERS.c.key == PROGRESS.c.key)


def of_episode(episode_id: str) -> sa.ColumnElement[bool]:
    """The orders of an incident."""
    return sa.type_coerce(ORDERS.c.request["episode_id"].as_string() == episode_id, sa.Boolean)
