"""From a signal to one incident: it opens once, further signals add to it, and it ends when somebody ends it."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from services.postprocessing.domain.part import Part
from services.postprocessing.domain.rules.action import Action, Finding, What, awaited
from services.postprocessing.domain.rules.rule import Rule, RuleBook, Terms
from services.postprocessing.domain.rules.state import (
    ENDED,
    MOST_EPISODES,
    STOPPING,
    Episode,
    EpisodeKey,
    Group,
    LineState,
    Phase,
)
from services.postprocessing.domain.rules.watching import Fired, reset

Fold = tuple[LineState, tuple[Action, ...]]


def alarmed(state: LineState, rule: Rule, part: Part, line: str, finding: Finding) -> Fold:
    """An incident without a chart: opened once, until a part comes."""
    key = (rule.id, tuple(part.attribute(k) for k in rule.by), "silence")
    if key in state.episodes:
        return state, ()
    scope = dict(zip(rule.by, key[1], strict=True))
    opened = new(line, rule.id, part, "silence", scope, finding.last.inspection_id, rule.terms, finding)
    return open_(state, key, replace(opened, ordered=False), rule.terms, finding)


def quietened(state: LineState, rule: Rule, group: Group, fired: list[Fired], book: RuleBook) -> LineState:
    """A part passed without a signal from the charts of open incidents: one that nobody else ends, ends by itself."""
    labels = {f.label for f in fired}
    for key, episode in state.episodes.items():
        if key[0] != rule.id or key[1] != group or key[2] in labels:
            continue
        own = not episode.ordered and episode.phase not in STOPPING
        if own and (episode.quiet + 1 >= rule.quiet_parts or key[2] == "silence"):
            state = close(state, key, book)
        elif own or not episode.quiet:  # of others it only matters that it was quiet at all
            phase = Phase.OPEN if episode.phase is Phase.REFUSED else episode.phase  # true anew, it may ask again
            state = put(state, key, replace(episode, quiet=episode.quiet + 1, phase=phase))
    return state


def close(state: LineState, key: EpisodeKey, book: RuleBook) -> LineState:
    """The incident is over: its window is emptied and its warm-up begins.

    A request without a receipt may still be executed: it is remembered apart, where it blocks no new incident's order,
    until its receipt comes or it is given up.
    """
    rule_id, group, label = key
    episodes = {k: e for k, e in state.episodes.items() if k != key}
    episode = state.episodes[key]
    if episode.receipt_by_s and not (rule_id == ENDED and episode.phase is Phase.FAILED):
        phase = Phase.FAILED if episode.phase is Phase.FAILED else Phase.REQUESTED
        episodes[ENDED, (), episode.id] = replace(episode, phase=phase)
    tracks = state.tracks
    rule = book.rule(rule_id)
    if rule is not None and rule_id in tracks:
        tracks = {**tracks, rule_id: reset(rule, tracks[rule_id], group, label)}
    return replace(state, episodes=episodes, tracks=tracks)


def find(state: LineState, episode_id: str) -> tuple[EpisodeKey, Episode] | None:
    """The open incident of that id."""
    return next(((key, episode) for key, episode in state.episodes.items() if episode.id == episode_id), None)


def put(state: LineState, key: EpisodeKey, episode: Episode) -> LineState:
    """Keep an incident; the oldest that holds no line gives way when there are too many."""
    episodes = {**state.episodes, key: episode}
    if len(episodes) > MOST_EPISODES:
        spare = next((k for k, e in episodes.items() if e.phase not in STOPPING), next(iter(episodes)))
        del episodes[spare]
    return replace(state, episodes=episodes)


def new(
    line: str,
    rule_id: str,
    part: Part,
    label: str,
    scope: Mapping[str, str],
    anchor: str,
    terms: Terms,
    finding: Finding,
) -> Episode:
    """An incident that begins with `anchor`, an inspection id."""
    # The first inspection of the run makes the id the same after any rebuild, and never that of an older incident.
    extra = [f"{k}={v}" for k, v in scope.items() if k != "station"]
    seed = "|".join([f"{line}/{part.station}", rule_id, label, anchor, *extra])
    episode_id = hashlib.sha256(seed.encode()).hexdigest()[:32]
    orders = awaited(terms, episode_id)
    return Episode(
        id=episode_id,
        rule_id=rule_id,
        station=part.station,
        label=label,
        scope=scope,
        opened_at_s=part.judged_at_s,
        ordered=bool(orders),
        stops=terms.pause_line,
        first=finding.first,
        awaits=orders,
    )


def open_(state: LineState, key: EpisodeKey, episode: Episode, terms: Terms, finding: Finding) -> Fold:
    """Open an incident: who is called."""
    wanted = (
        (What.WARN, terms.warn),
        (What.MAINTENANCE, terms.maintenance_request),
        (What.SUPPLIER, terms.supplier_notice),
    )
    actions = tuple(Action(what, episode, finding, terms) for what, wish in wanted if wish)
    return put(state, key, episode), actions


def refire(state: LineState, key: EpisodeKey, episode: Episode, terms: Terms, finding: Finding) -> Fold:
    """One more signal of an open incident."""
    again = replace(episode, fires=episode.fires + 1, quiet=0)
    # Told at 2, 4, 8, ...: whoever works on the order learns that it goes on, and is not buried.
    told = again.fires & (again.fires - 1) == 0
    note = (Action(What.NOTE, again, finding, terms, again.fires),) if told else ()
    return put(state, key, again), note
