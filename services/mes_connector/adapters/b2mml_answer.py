"""What comes back in B2MML: WorkResponse and JobResponse, alone or inside any message that holds them."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.mes_connector.adapters.b2mml_shape import NAMESPACE, local
from services.mes_connector.adapters.http import legible
from services.mes_connector.domain.progress import Status

_NAMES = {"": NAMESPACE}
_STATES: Mapping[str, Status] = {
    "Waiting": Status.OPEN,
    "Ready": Status.OPEN,
    "Running": Status.IN_PROGRESS,
    "Held": Status.IN_PROGRESS,
    "Suspended": Status.IN_PROGRESS,
    "Completed": Status.COMPLETED,
    "Closed": Status.COMPLETED,
    "Aborted": Status.CANCELLED,
    "Cancelled": Status.CANCELLED,
}
_KINDS = {"WorkResponse": ("WorkRequestID", "ResponseState"), "JobResponse": ("JobOrderID", "JobState")}


class Garbled(ValueError):
    """Not a document that can be read."""


@dataclass(frozen=True)
class State:
    """Where the order with our reference `key` stands, as one response told it."""

    key: str
    status: Status
    changed_at: float
    """Unix seconds; 0: the response does not say."""
    remark: str


def parsed(raw: bytes) -> ET.Element:
    """The document. Raises Garbled for what is no XML, and for a document type: entities are how XML attacks."""
    parser = ET.XMLParser(target=_Plain())  # noqa: S314  # refuses document types, and with them entities
    try:
        parser.feed(raw)
        root: ET.Element = parser.close()
    except (ET.ParseError, ValueError, LookupError) as error:
        raise Garbled(str(error)) from error
    return root


def states(root: ET.Element, other: Mapping[str, Status]) -> Iterator[State]:
    """Every state told in a document; `other` translates the plant's own words (`OtherValue`)."""
    for node in root.iter():
        if (kind := _KINDS.get(local(node))) is None:
            continue
        reference, state = (node.find(name, _NAMES) for name in kind)
        if reference is None or state is None or not (key := (reference.text or "").strip()):
            continue
        word = (state.text or "").strip()
        word = state.get("OtherValue", "") if word == "Other" else word
        status = other.get(word) or _STATES.get(word)
        told = [legible(text.text or "") for text in node.findall("Description", _NAMES)]
        if status is None:  # a word that nobody translated closes nothing: somebody reads it in the remark
            status, told = Status.OPEN, [f"state {legible(word)!r} is not in mes.options.states", *told]
        yield State(key, status, _changed_at(node), "; ".join(text for text in told if text))


def _changed_at(node: ET.Element) -> float:
    for name in ("PublishedDate", "EndTime", "StartTime"):
        if told := node.findtext(name, "", _NAMES).strip():
            try:
                at = datetime.fromisoformat(told)
            except ValueError:
                continue
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return 0.0


class _Plain(ET.TreeBuilder):
    def doctype(self, *_: Any) -> None:
        """Called when a document type begins."""
        raise Garbled("a document type is not taken")
