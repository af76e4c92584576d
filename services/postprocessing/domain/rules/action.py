"""What a fired rule wants. Every action's id follows from the facts alone, so that saying it again changes nothing."""

from dataclasses import dataclass
from enum import Enum

from services.postprocessing.domain.part import Ref
from services.postprocessing.domain.rules.rule import Terms
from services.postprocessing.domain.rules.state import Episode


class What(Enum):
    WARN = "warn"
    PAUSE = "pause"
    MAINTENANCE = "maintenance"
    SUPPLIER = "supplier"
    NOTE = "note"  # an open incident goes on
    CONTAIN = "contain"  # the suspect range


_OF_THE_LINE = (What.MAINTENANCE,)


def order_key(what: What, episode_id: str) -> str:
    """The order's identity. The line's own has the incident's: one incident, one order."""
    return episode_id if what in _OF_THE_LINE else f"{episode_id}-{what.value}-1"


def awaited(terms: Terms, episode_id: str) -> tuple[str, ...]:
    """Orders that answer the line's question; what a supplier answers mends nothing here, unless only he was asked."""
    wanted = {What.MAINTENANCE: terms.maintenance_request, What.SUPPLIER: terms.supplier_notice}
    orders = [what for what, wish in wanted.items() if wish]
    of_the_line = [what for what in orders if what in _OF_THE_LINE]
    return tuple(order_key(what, episode_id) for what in of_the_line or orders)


@dataclass(frozen=True)
class Finding:
    """Why: the statistic, the limit it crossed, one sentence, and the parts behind it (oldest first)."""

    statistic: float
    limit: float
    detail: str
    first: Ref
    last: Ref
    evidence: tuple[Ref, ...]
    at_s: float
    held_at_s: float = 0.0


@dataclass(frozen=True)
class Action:
    """One wish of an episode; `number` counts those of a kind (attempts, notes, revisions)."""

    what: What
    episode: Episode
    finding: Finding
    terms: Terms
    number: int = 1

    @property
    def id(self) -> str:
        """The same after any crash, duplicate or replay."""
        if self.what in (What.MAINTENANCE, What.SUPPLIER):
            return order_key(self.what, self.episode.id)
        if self.what is What.PAUSE:
            return self.episode.request_id
        return f"{self.episode.id}-{self.what.value}-{self.number}"
