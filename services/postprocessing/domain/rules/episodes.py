"""From a signal to one incident: it opens once, further signals add to it, and it ends when somebody ends it."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from services.postprocessing.domain.part import Part
from services.postprocessing.domain.rules.action import Action, Finding, What, awaited
from services.postprocessing.domain.rules.rule import STOP_BUDGET, Rule, RuleBook, Terms
from services.postprocessing.domain.rules.state import (
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
_ESCALATION = Terms(warn=True, maintenance_request=True, priority=1)


def signalled(state: LineState, rule: Rule, group: Group, fired: Fired, part: Part, line: str, book: RuleBook) -> Fold:
    """A chart signals: open an incident or add to the one that is open, and ask for the line when it is due."""
    key = (rule.id, group, fired.label)
    finding = _finding(rule, fired, part)
    episode = state.episodes.get(key)
    if episode is not None and part.judged_at_s - episode.opened_at_s > book.forget_after_s:
        # Nobody closed it: a lost completion must not mute the rule for good.
        return close(state, key, book), ()
    if episode is None:
        scope = dict(zip(rule.by, group, strict=True))
        anchor = fired.mark.since or part.ref
        opened = _new(line, rule.id, part, fired.label, scope, anchor.inspection_id, rule.terms, finding)
        state, actions = _open(state, key, opened, rule.terms, finding)
    else:
        state, actions = _refire(state, key, episode, rule.terms, finding)
    if not rule.terms.pause_line or not fired.defective or not _may_ask(state, episode):
        return state, actions
    state, asked = _ask(state, key, rule.terms, finding, line, part, book)
    return state, asked + actions  # the stop first: orders can wait


def alarmed(state: LineState, rule: Rule, part: Part, line: str, finding: Finding) -> Fold:
    """An incident without a chart: opened once, until a part comes."""
    key = (rule.id, tuple(part.attribute(k) for k in rule.by), "silence")
    if key in state.episodes:
        return state, ()
    scope = dict(zip(rule.by, key[1], strict=True))
    opened = _new(line, rule.id, part, "silence", scope, finding.last.inspection_id, rule.terms, finding)
    return _open(state, key, replace(opened, ordered=False), rule.terms, finding)


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
            state = _put(state, key, replace(episode, quiet=episode.quiet + 1))
    return state


def close(state: LineState, key: EpisodeKey, book: RuleBook) -> LineState:
    """The incident is over: its window is emptied and its warm-up begins."""
    rule_id, group, label = key
    episodes = {k: e for k, e in state.episodes.items() if k != key}
    tracks = state.tracks
    rule = book.rule(rule_id)
    if rule is not None and rule_id in tracks:
        tracks = {**tracks, rule_id: reset(rule, tracks[rule_id], group, label)}
    return replace(state, episodes=episodes, tracks=tracks)


def find(state: LineState, episode_id: str) -> tuple[EpisodeKey, Episode] | None:
    """The open incident of that id."""
    return next(((key, episode) for key, episode in state.episodes.items() if episode.id == episode_id), None)


def _put(state: LineState, key: EpisodeKey, episode: Episode) -> LineState:
    episodes = {**state.episodes, key: episode}
    if len(episodes) > MOST_EPISODES:
        spare = next((k for k, e in episodes.items() if e.phase not in STOPPING), next(iter(episodes)))
        del episodes[spare]
    return replace(state, episodes=episodes)


def _new(
    line: str,
    rule_id: str,
    part: Part,
    label: str,
    scope: Mapping[str, str],
    anchor: str,
    terms: Terms,
    finding: Finding,
) -> Episode:
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


def _open(state: LineState, key: EpisodeKey, episode: Episode, terms: Terms, finding: Finding) -> Fold:
    wanted = (
        (What.WARN, terms.warn),
        (What.MAINTENANCE, terms.maintenance_request),
        (What.SUPPLIER, terms.supplier_notice),
    )
    actions = tuple(Action(what, episode, finding, terms) for what, wish in wanted if wish)
    return _put(state, key, episode), actions


def _refire(state: LineState, key: EpisodeKey, episode: Episode, terms: Terms, finding: Finding) -> Fold:
    again = replace(episode, fires=episode.fires + 1, quiet=0)
    # Told at 2, 4, 8, ...: whoever works on the order learns that it goes on, and is not buried.
    told = again.fires & (again.fires - 1) == 0
    note = (Action(What.NOTE, again, finding, terms, again.fires),) if told else ()
    return _put(state, key, again), note


def _may_ask(state: LineState, before: Episode | None) -> bool:
    """One line, one stop; and after a refusal only when the rule is true anew."""
    refused = before is not None and before.phase is Phase.REFUSED and not before.quiet
    return not refused and all(episode.phase not in STOPPING for episode in state.episodes.values())


def _ask(
    state: LineState, key: EpisodeKey, terms: Terms, finding: Finding, line: str, part: Part, book: RuleBook
) -> Fold:
    episode = state.episodes[key]
    recent = [at_s for at_s in state.stops_s if at_s > part.judged_at_s - book.budget.per_s]
    if len(recent) >= book.budget.stops:
        return _escalate(state, finding, line, part, book)
    asked = replace(episode, phase=Phase.REQUESTED, attempt=episode.attempt + 1)
    return _put(state, key, asked), (Action(What.PAUSE, asked, finding, terms, asked.attempt),)


def _escalate(state: LineState, finding: Finding, line: str, part: Part, book: RuleBook) -> Fold:
    key: EpisodeKey = (STOP_BUDGET, (), "")
    known = state.episodes.get(key)
    if known is not None and part.judged_at_s - known.opened_at_s <= book.forget_after_s:
        return state, ()
    stops, hours = book.budget.stops, book.budget.per_s / 3600
    detail = f"stop budget exhausted: {stops} stops in {hours:g} h, the line runs on although {finding.detail}"
    why = replace(finding, statistic=float(stops), limit=float(stops), detail=detail)
    opened = _new(line, STOP_BUDGET, part, "", {}, part.inspection_id, _ESCALATION, why)
    return _open(state, key, opened, _ESCALATION, why)


def _finding(rule: Rule, fired: Fired, part: Part) -> Finding:
    signal, mark = fired.signal, fired.mark
    since = mark.since or part.ref
    first = mark.evidence[0] if rule.windowed and mark.evidence else since
    return Finding(signal.statistic, signal.limit, signal.detail, first, part.ref, mark.evidence, part.judged_at_s)
