"""A work request told to people, as lines of plain text: systems differ in fields, their readers do not."""

from collections.abc import Iterator
from datetime import UTC, datetime

from services.mes_connector.domain.work_request import WorkRequest


def narrative(request: WorkRequest) -> str:
    """What happened, where, how much, why perhaps, and where to look. The last line is our reference."""
    return "\n".join([request.description or request.title, "", *_facts(request), f"Reference: {request.key}"])


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters of a narrative: its beginning, and its last line whole."""
    if len(text) <= limit:
        return text
    last = text.rpartition("\n")[2]
    return f"{text[: limit - len(last) - 3]}\n…\n{last}"


def rfc3339(at: float) -> str:
    """Unix seconds as a UTC date and time."""
    return datetime.fromtimestamp(at, UTC).isoformat()


def _facts(request: WorkRequest) -> Iterator[str]:
    yield f"Equipment: {request.equipment_id}, station {request.place.station}"
    yield f"Rule: {request.rule_id}" + (f" ({request.statistic:g} against {request.limit:g})" if request.limit else "")
    if request.defect_label:
        yield f"Defect: {request.defect_label}"
    if request.lot_id or request.material or request.supplier:
        yield f"Lot: {request.lot_id or '-'}, material: {request.material or '-'}, supplier: {request.supplier or '-'}"
    yield f"Parts: {request.first_part_sequence} to {request.last_part_sequence}"
    if request.qty_inspected:
        rate = "" if request.rate_lower95 is None else f"; at least {request.rate_lower95:.3%} with 95 % confidence"
        yield f"Defective: {request.qty_defective} of {request.qty_inspected}{rate}"
    yield from (f"{name}: {value}" for name, value in request.scope)
    for cause in request.causes:
        yield f"Likely cause: {cause.kind} {cause.value} ({cause.confidence:.0%}): {cause.evidence}"
    for link in request.evidence:
        yield f"{str(link.what).replace('_', ' ').capitalize()}: {link.url_or_command}"
    if request.trace_id:
        yield f"Trace: {request.trace_id}"
