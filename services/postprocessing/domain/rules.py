"""When do we stop the line? A pure fold: (state, event) -> (state, actions), the same after any crash or replay.

The one rule kind so far is `consecutive`: k parts in a row with the same defect label at one station. With a true and
false positive rate p per part it stops falsely every (1 - p^k) / ((1 - p) p^k) parts: k = 5, p = 5 % -> 3.4 million.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from services.postprocessing.domain.order import Order, Part, Patience, accept


@dataclass(frozen=True)
class Rule:
    """`k` parts in a row with the same label; what to do then; how long a pause request may be executed."""

    id: str
    k: int
    pause_line: bool
    maintenance_request: bool
    pause_ttl_s: float


@dataclass(frozen=True)
class Run:
    """Consecutive parts with one label, oldest first; only the last k inspections are remembered."""

    length: int
    first_sequence: int
    first_inspection: str
    inspections: tuple[str, ...]


class Phase(Enum):
    REQUESTED = "requested"
    HELD = "held"
    FAILED = "failed"  # nobody executed it: asked again while the rule is still true
    REFUSED = "refused"  # the plant said no: asked again only in a new incident


@dataclass(frozen=True)
class Episode:
    """A rule's open incident: one work order, one stop, however often the rule is true meanwhile."""

    id: str
    label: str
    attempt: int
    phase: Phase


@dataclass(frozen=True)
class StationState:
    """All that the rules remember of one station; bounded by labels x rules and the reorder patience."""

    order: Order = field(default_factory=Order)
    resumed_at_s: float = 0.0
    runs: Mapping[str, Run] = field(default_factory=dict)
    episodes: Mapping[str, Episode] = field(default_factory=dict)


@dataclass(frozen=True)
class Pause:
    """Ask for the line to be held."""

    episode: Episode
    rule: Rule
    run: Run
    part: Part

    @property
    def request_id(self) -> str:
        return f"{self.episode.id}-{self.episode.attempt}"


@dataclass(frozen=True)
class WorkOrder:
    """Ask for a maintenance order."""

    episode: Episode
    rule: Rule
    run: Run
    part: Part


Action = Pause | WorkOrder
Fold = tuple[StationState, tuple[Action, ...]]


def on_verdict(state: StationState, part: Part, place: str, rules: Iterable[Rule], patience: Patience) -> Fold:
    """Fold one verdict: put it in part order, then let every rule see each part that is due."""
    order, due, new_lot = accept(state.order, part, patience)
    state = replace(state, order=order, runs={} if new_lot else state.runs)
    rules = tuple(rules)
    actions: list[Action] = []
    for ready in due:
        if ready.captured_at_s < state.resumed_at_s:
            continue
        state = replace(state, runs=_count(state.runs, ready, max((rule.k for rule in rules), default=0)))
        for rule in rules:
            state, fired = _apply(state, rule, ready, place)
            actions += fired
    return state, tuple(actions)


def on_settled(state: StationState, episode_id: str, *, confirmed: bool, retry: bool) -> StationState:
    """Fold the receipt of a pause: held, or worth another attempt, or refused for good."""
    phase = Phase.HELD if confirmed else Phase.FAILED if retry else Phase.REFUSED
    episodes = {
        rule: replace(episode, phase=phase) if episode.id == episode_id else episode
        for rule, episode in state.episodes.items()
    }
    return replace(state, episodes=episodes)


def on_resumed(state: StationState, episode_id: str, resumed_at_s: float) -> StationState:
    """Fold the operator's resume: the incident is over, and only parts photographed since then count again.

    Frames that a camera had to keep while we were away are judged late: they still belong to the incident.
    """
    if all(episode.id != episode_id for episode in state.episodes.values()):
        return state
    episodes = {rule: episode for rule, episode in state.episodes.items() if episode.id != episode_id}
    return replace(state, runs={}, episodes=episodes, resumed_at_s=resumed_at_s)


def _count(runs: Mapping[str, Run], part: Part, keep: int) -> Mapping[str, Run]:
    if part.labels is None:  # INCONCLUSIVE neither extends nor breaks a run, as a missing part does not
        return runs
    counted = {}
    for label in part.labels:
        run = runs.get(label) or Run(0, part.sequence, part.inspection_id, ())
        inspections = (*run.inspections, part.inspection_id)[-keep:]
        counted[label] = replace(run, length=run.length + 1, inspections=inspections)
    return counted


def _apply(state: StationState, rule: Rule, part: Part, place: str) -> Fold:
    episode = state.episodes.get(rule.id)
    if episode is None:
        label = next((label for label in sorted(state.runs) if state.runs[label].length >= rule.k), None)
        return (state, ()) if label is None else _open(state, rule, label, part, place)
    if episode.phase in {Phase.REQUESTED, Phase.HELD}:
        return state, ()
    if episode.label not in state.runs:  # the run broke without a stop: the incident is over
        return replace(state, episodes={r: e for r, e in state.episodes.items() if r != rule.id}), ()
    if episode.phase is Phase.FAILED and episode.label in (part.labels or ()):
        again = replace(episode, attempt=episode.attempt + 1, phase=Phase.REQUESTED)
        state = replace(state, episodes={**state.episodes, rule.id: again})
        return state, (Pause(again, rule, state.runs[again.label], part),)
    return state, ()


def _open(state: StationState, rule: Rule, label: str, part: Part, place: str) -> Fold:
    run = state.runs[label]
    # The first inspection of the run makes the id the same after any rebuild, and never that of an older incident.
    seed = f"{place}|{rule.id}|{label}|{run.first_inspection}"
    phase = Phase.REQUESTED if rule.pause_line else Phase.REFUSED
    episode = Episode(hashlib.sha256(seed.encode()).hexdigest()[:32], label, 1, phase)
    actions: list[Action] = [Pause(episode, rule, run, part)] if rule.pause_line else []
    if rule.maintenance_request:
        actions.append(WorkOrder(episode, rule, run, part))
    return replace(state, episodes={**state.episodes, rule.id: episode}), tuple(actions)
