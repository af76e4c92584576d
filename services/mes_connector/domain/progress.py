"""What became of an order in the MES after it was opened."""

from dataclasses import dataclass
from enum import StrEnum

from services.mes_connector.domain.answer import Answer


class Status(StrEnum):
    """Where an order stands, in the words that all systems share; each adapter maps its own onto them."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    GONE = "gone"
    """It was opened and is not there any more: somebody deleted it."""


CLOSED = frozenset({Status.COMPLETED, Status.CANCELLED, Status.GONE})


@dataclass(frozen=True)
class Filed:
    """An order of ours that stands in the MES: our key and its number there."""

    key: str
    external_id: str


@dataclass(frozen=True)
class Progress:
    """One order as the MES has it now."""

    key: str
    external_id: str
    status: Status
    changed_at: float
    """Unix seconds by the MES's clock; 0 where it does not say."""
    remark: str = ""
    """What people wrote when they closed it, and who."""


@dataclass(frozen=True)
class Polled:
    """An answer to the question for many orders; unless it is OPENED, `orders` are those that were told before it."""

    answer: Answer
    orders: tuple[Progress, ...] = ()


@dataclass(frozen=True)
class Note:
    """One comment for an open order. `id` names it: an MES that has a comment with this id takes no second one."""

    id: str
    text: str
    at: float
    """Unix seconds."""


@dataclass(frozen=True)
class PendingNote:
    """A comment on its way to an order that stands in the MES."""

    key: str
    """The order's, here."""
    external_id: str
    note: Note
    attempts: int


@dataclass(frozen=True)
class Finding:
    """One thing that `jidoka mes probe` looked at."""

    what: str
    """The credential, field, permission or reference that was looked at."""
    good: bool
    detail: str = ""
    fix: str = ""
    """What the person at the MES or at the plant file does about it; empty when good."""


@dataclass(frozen=True)
class Preview:
    """A request as it would be sent, without its secrets."""

    method: str
    """POST, FILE, …"""
    target: str
    """URL or path."""
    body: str
