"""What a plant may say about the system behind the webhook; every default is what the MES sandbox speaks."""

from typing import Any

from pydantic import Field

from services.contracts.strict import Strict
from services.mes_connector.adapters.vocabulary import Unmapped
from services.mes_connector.domain.progress import Status

BODY: dict[str, Any] = {
    "external_reference": "{key}",
    "kind": "{kind}",
    "title": "{title}",
    "description": "{description}",
    "priority": "{priority}",
    "equipment_id": "{equipment}",
    "station": "{site}/{line}/{station}",
    "failure_code": "{failure}",
    "cause_code": "{cause}",
    "lot": "{lot_id}",
    "material": "{their_material}",
    "supplier": "{their_supplier}",
    "rule.id": "{rule_id}",
    "rule.first_part_sequence": "{first_part_sequence}",
    "rule.last_part_sequence": "{last_part_sequence}",
    "rule.statistic": "{statistic}",
    "rule.limit": "{limit}",
    "evidence": "{inspection_ids}",
    "links": "{evidence}",
    "causes": "{causes}",
    "episode": "{episode_id}",
    "trace_id": "{trace_id}",
    "source": "jidoka",
    "created": "{created}",
}


class Options(Strict):
    """Paths continue the `url`; `{key}` is our reference in them, `{number}` the system's own."""

    template: dict[str, Any] = Field(default=BODY, min_length=1)
    """The body: dotted keys, `{name}` for a word of the request."""
    create_path: str = ""
    number: str = "id"
    """Where an order's number stands in an answer (dotted)."""
    find_path: str = ""
    find_query: str = "external_reference"
    """The query parameter that takes our reference; empty: it stands as {key} in `find_path`."""
    found: str = ""
    """Where the list of orders stands in the answer to a look-up (dotted); empty: the answer is the list."""
    reference: str = "external_reference"
    """Where our reference stands in an order (dotted)."""
    order_path: str = "/{number}"
    status: str = "status"
    """Where an order's status stands (dotted)."""
    statuses: dict[str, Status] = Field(default={status.value: status for status in Status})
    """Their word: ours (open, in_progress, completed, cancelled, gone)."""
    changed_at: str = ""
    """Where the time of the last change stands (Unix seconds or RFC 3339); empty: nowhere."""
    remark: str = ""
    """Where it stands what people wrote when they closed it; empty: nowhere."""
    comments_path: str = "/{number}/comments"
    """Empty: the system takes no comments."""
    comments: str = ""
    """Where the list of comments stands in the answer to a GET; empty: the answer is the list."""
    comment_template: dict[str, Any] = Field(default={"id": "{id}", "text": "{text}", "at": "{at}"})
    comment_id: str = "id"
    """Where the id that we gave stands in a comment (dotted)."""
    equipment_path: str = ""
    """Answers 2xx for equipment that is there (`{equipment}` in it): a probe looks; empty: it cannot be asked."""
    unmapped: Unmapped = "pass"
    """Whether equipment without an entry in the mapping passes as it is."""
