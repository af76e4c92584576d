"""What the rules remember of one line: plain values, bounded whatever comes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from services.postprocessing.domain.charts.chart import State
from services.postprocessing.domain.order import Order
from services.postprocessing.domain.part import Ref

MOST_EPISODES = 512
"""Open incidents of one line; the oldest gives way."""
MOST_CHANNELS = 1_024
"""Stations and measured tools of one line; the one that was silent longest gives way."""
ENDED = ""
"""In place of a rule's id: incidents that were closed while a request of theirs had no receipt."""
Group = tuple[str, ...]
"""Values of a rule's scope keys."""


class Mark(NamedTuple):
    """One chart: its state, how many parts it is still muted, the first part it counts and the last that counted."""

    state: State
    muted: int = 0
    since: Ref | None = None
    evidence: tuple[Ref, ...] = ()


class Track(NamedTuple):
    """The charts of one group, by class ("": not by class), and on what basis (recipe, tool, resume) they count."""

    basis: tuple[str, ...]
    marks: Mapping[str, Mark]


class Tracks(NamedTuple):
    """All groups of one rule, the one that changed last at the end, and how many were given up for room."""

    digest: str
    groups: Mapping[Group, Track]
    evicted: int = 0


class Phase(Enum):
    OPEN = "open"  # nothing was asked of the line, or another incident's pause holds it
    REQUESTED = "requested"
    HELD = "held"
    FAILED = "failed"  # nobody executed it, or nobody said so: asked again while the rule is still true
    REFUSED = "refused"  # the plant said no: asked again only when the rule is true anew


STOPPING = frozenset({Phase.REQUESTED, Phase.HELD})


@dataclass(frozen=True)
class Episode:
    """A rule's open incident: one order, one stop, however often the rule is true meanwhile.

    `ordered`: somebody outside works on it and will close it. `awaits`: the orders that end it, once all are completed.
    `stops`: an operator's resume closes it. `quiet`: parts since the chart last signalled. `receipt_by_s`: until
    then the receipt of its last request is waited for; one that comes later is believed, too. 0: none is missing.
    """

    id: str
    rule_id: str
    station: str
    label: str
    scope: Mapping[str, str]
    opened_at_s: float
    ordered: bool
    stops: bool
    first: Ref
    awaits: tuple[str, ...] = ()
    phase: Phase = Phase.OPEN
    attempt: int = 0
    fires: int = 1
    quiet: int = 0
    receipt_by_s: float = 0.0

    @property
    def request_id(self) -> str:
        """Of the pause that it asked for last."""
        return f"{self.id}-{self.attempt}"

    def attempt_of(self, request_id: str) -> int:
        """Which of its requests that is; 0: none."""
        return next((n for n in range(self.attempt, 0, -1) if request_id == f"{self.id}-{n}"), 0)


@dataclass(frozen=True)
class Suspects:
    """The parts to contain: from the first defect of the run to the last part before the line was held.

    `runs_again`: the operator has resumed the line since.
    """

    episode: Episode
    first: Ref
    last: Ref
    held_at_s: float
    revision: int = 1
    told: Ref | None = None
    runs_again: bool = False


EpisodeKey = tuple[str, Group, str]
"""Rule id, group, class."""


@dataclass(frozen=True, slots=True)
class LineState:
    """One line. `stops_s`: when it was held, as far back as the stop budget looks.

    `resumes`: how often it was resumed, the last time at `resumed_at_s` by the bridge's clock. `late`: how many late
    parts of a channel were taken for older than that resume.
    """

    orders: Mapping[str, Order] = field(default_factory=dict)
    tracks: Mapping[str, Tracks] = field(default_factory=dict)
    episodes: Mapping[EpisodeKey, Episode] = field(default_factory=dict)
    stops_s: tuple[float, ...] = ()
    resumed_at_s: float = 0.0
    suspects: Suspects | None = None
    resumes: int = 0
    late: Mapping[str, int] = field(default_factory=dict)
