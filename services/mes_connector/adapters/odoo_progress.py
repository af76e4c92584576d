"""Where a record stands, told from its stage: a flag of the stage says done, its place in the order says begun."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.mes_connector.adapters.http import legible
from services.mes_connector.adapters.odoo_calls import Calls, Fault
from services.mes_connector.adapters.odoo_options import Flow
from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.progress import Filed, Progress, Status


@dataclass(frozen=True)
class Stages:
    """The stages of one model, by number: the plant may rename, add and reorder them at any time."""

    rows: Mapping[int, Mapping[str, Any]]
    first: int

    @classmethod
    async def read(cls, calls: Calls, model: str, flow: Flow) -> "Stages | Answer":
        """As they are now."""
        described = await calls.call(model, "fields_get", allfields=[flow.stage], attributes=["type", "relation"])
        if isinstance(described, Fault):
            return described.answer
        try:
            relation = described.value[flow.stage]["relation"]
        except (KeyError, TypeError):
            reason = f"{model} has no stages in {flow.stage!r}: set mes.options.flows"
            return Answer(Outcome.AWAY, reason=reason)
        fields = ["name", "sequence", flow.done]
        said = await calls.call(relation, "search_read", domain=[], fields=fields)
        if isinstance(said, Fault):
            return said.answer
        try:
            rows = {int(row["id"]): row for row in said.value}
            first = min(rows, key=lambda number: (rows[number]["sequence"], number), default=0)
        except (KeyError, TypeError, ValueError):
            return Answer(Outcome.AWAY, reason=f"{relation}: not a list of stages")
        return cls(rows, first)


def stand(order: Filed, row: Mapping[str, Any], stages: Stages, flow: Flow) -> Progress:
    """One order as Odoo has it."""
    number, name = _pair(row.get(flow.stage))
    _, who = _pair(row.get("write_uid"))
    archived = row.get(flow.archived) is (flow.archived != "active")
    if name in flow.cancelled_stages:
        status = Status.CANCELLED
    elif stages.rows.get(number, {}).get(flow.done) is True:
        status = Status.COMPLETED
    elif archived:
        status = Status.CANCELLED
    else:
        status = Status.OPEN if number in (0, stages.first) else Status.IN_PROGRESS
    remark = legible(f"{name}, by {who}") if who else legible(name)
    return Progress(order.key, order.external_id, status, _unix(row.get("write_date")), remark)


def _pair(told: Any) -> tuple[int, str]:
    match told:
        case [int() as number, str() as name]:
            return number, name
    return 0, ""


def _unix(told: Any) -> float:
    try:
        return datetime.fromisoformat(str(told)).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
