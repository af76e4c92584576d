"""Orders to and from rows."""

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from services.mes_connector.domain.order import Order, State
from services.mes_connector.domain.work_request import Cause, Kind, Link, Place, WorkRequest


def columns(order: Order) -> dict[str, Any]:
    """What is kept of an order, but for its key."""
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


def order(row: sa.Row[Any]) -> Order:
    """The order in a row of ORDERS."""
    return Order(
        request=_request(row.request),
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        updated_at=row.updated_at,
        traceparent=row.traceparent,
        state=State(row.state),
        attempts=row.attempts,
        external_id=row.external_id,
        last_error=row.last_error,
    )


def _request(kept: dict[str, Any]) -> WorkRequest:
    typed = {
        "kind": Kind(kept["kind"]),
        "place": Place(**kept["place"]),
        "inspection_ids": tuple(kept["inspection_ids"]),
        # Rows of an earlier version have none of these.
        "scope": tuple((name, value) for name, value in kept.get("scope", ())),
        "causes": tuple(Cause(**cause) for cause in kept.get("causes", ())),
        "evidence": tuple(Link(**link) for link in kept.get("evidence", ())),
    }
    return WorkRequest(**{**kept, **typed})
