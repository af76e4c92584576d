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
        """The same after any crash, duplicate or replay. The order's is the episode's own: one incident, one order."""
        if self.what is What.MAINTENANCE:
            return self.episode.id
        if self.what is What.PAUSE:
            return self.episode.request_id
        return f"{self.episode.id}-{self.what.value}-{self.number}"
