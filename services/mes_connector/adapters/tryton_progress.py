"""Where a task or an alert stands."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from services.mes_connector.adapters.http import legible
from services.mes_connector.adapters.tryton_options import ALERT, TASK
from services.mes_connector.domain.progress import Filed, Progress, Status

FIELDS: Mapping[str, Sequence[str]] = {
    TASK: ["progress", "status.name", "status.progress", "write_date", "write_uid.rec_name"],
    ALERT: ["state", "write_date", "write_uid.rec_name"],
}
"""What is asked of each model; `a.b` comes back as `b` inside `a.`."""
_DATETIME = ("year", "month", "day", "hour", "minute", "second")
_STATES = {
    "open": Status.OPEN,
    "deferred": Status.OPEN,
    "processing": Status.IN_PROGRESS,
    "resolved": Status.COMPLETED,
}


def stand(order: Filed, model: str, row: Mapping[str, Any], cancelled_statuses: Sequence[str]) -> Progress:
    """One order as Tryton has it."""
    if model == ALERT:
        word = str(row.get("state"))
        status = _STATES.get(word, Status.OPEN)
    else:
        told = row.get("status.") or {}
        word = str(told.get("name"))
        status = _of_task(told.get("progress"), row.get("progress"))
        status = Status.CANCELLED if word in cancelled_statuses else status
    who = (row.get("write_uid.") or {}).get("rec_name")
    remark = legible(f"{word}, by {who}" if who else word)
    return Progress(order.key, order.external_id, status, _unix(row.get("write_date")), remark)


def _of_task(of_status: Any, of_task: Any) -> Status:
    """A status that asks for all of the progress is the end; any progress at all is a beginning."""
    if isinstance(of_status, (int, float)) and of_status >= 1:
        return Status.COMPLETED
    return Status.IN_PROGRESS if of_status or of_task else Status.OPEN


def _unix(told: Any) -> float:
    try:
        year, month, day, hour, minute, second = (int(told[name]) for name in _DATETIME)
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except (KeyError, TypeError, ValueError):
        return 0.0  # never changed since it was created
