"""From a signal to a request for the line: one line, one stop, and a request whose receipt never comes is asked again.

A request is waited for until it cannot be executed any more and its receipt should have come: time is the newest fact's
own, `judged_at` of a part or the clock that the silence watch tells. Then it counts as expired. A receipt that comes
later still is believed, of whichever attempt: the line IS held, and nobody asks again.
"""

from dataclasses import replace

from services.postprocessing.domain.part import Part
from services.postprocessing.domain.rules import containment
from services.postprocessing.domain.rules.action import Action, Finding, What
from services.postprocessing.domain.rules.episodes import Fold, close, find, new, open_, put, refire
from services.postprocessing.domain.rules.rule import STOP_BUDGET, Rule, RuleBook, Terms
from services.postprocessing.domain.rules.state import (
    ENDED,
    STOPPING,
    Episode,
    EpisodeKey,
    Group,
    LineState,
    Phase,
)
from services.postprocessing.domain.rules.watching import Fired

RECEIPT_GRACE_S = 12.0
"""A bridge that says the command in the last moment waits 1 s for the acknowledgement and 10 s for Held, by default."""
_ESCALATION = Terms(warn=True, maintenance_request=True, priority=1)


def signalled(state: LineState, rule: Rule, group: Group, fired: Fired, part: Part, line: str, book: RuleBook) -> Fold:
    """A chart signals: open an incident or add to the one that is open, and ask for the line when it is due."""
    key = (rule.id, group, fired.label)
    finding = _finding(rule, fired, part)
    episode = state.episodes.get(key)
    if episode is not None and part.judged_at_s - episode.opened_at_s > book.forget_after_s:
        # Nobody closed it: a lost completion must not mute the rule for good.
        state, episode = close(state, key, book), None
    if episode is None:
        scope = dict(zip(rule.by, group, strict=True))
        anchor = fired.mark.since or part.ref
        opened = new(line, rule.id, part, fired.label, scope, anchor.inspection_id, rule.terms, finding)
        state, actions = open_(state, key, opened, rule.terms, finding)
    else:
        state, actions = refire(state, key, episode, rule.terms, finding)
    if not rule.terms.pause_line or not fired.defective:
        return state, actions
    now_s = max(part.judged_at_s, *(order.newest_s for order in state.orders.values()))
    state = given_up(state, now_s, book)
    if not _may_ask(state, key):
        return state, actions
    state, asked = _ask(state, key, rule.terms, finding, line, part, now_s, book)
    return state, asked + actions  # the stop first: orders can wait


def given_up(state: LineState, now_s: float, book: RuleBook) -> LineState:
    """Requests whose receipt should have come by `now_s` count as expired; a stop is forgotten as incidents are."""

    def over(phase: Phase, receipt_by_s: float, opened_at_s: float) -> bool:
        if phase is Phase.REQUESTED:
            return now_s > receipt_by_s
        return phase is Phase.HELD and now_s - opened_at_s > book.forget_after_s

    given = {
        key: replace(episode, phase=Phase.FAILED)
        for key, episode in state.episodes.items()
        if over(episode.phase, episode.receipt_by_s, episode.opened_at_s)
    }
    return replace(state, episodes={**state.episodes, **given}) if given else state


def settled(state: LineState, request_id: str, *, confirmed: bool, retry: bool, at_s: float) -> Fold:
    """The receipt of a pause: held at `at_s` (its suspect parts are told), worth another attempt, or refused."""
    known = find(state, request_id.rpartition("-")[0])
    attempt = known[1].attempt_of(request_id) if known else 0
    if known is None or not attempt:
        return state, ()
    key, episode = known
    last = attempt == episode.attempt
    if last:
        episode = replace(episode, receipt_by_s=0.0)
    if confirmed:
        return _held(state, key, episode, at_s)
    if not last or not known[1].receipt_by_s:
        return state, ()
    if episode.phase is not Phase.HELD:
        episode = replace(episode, phase=Phase.FAILED if retry else Phase.REFUSED)
        if key[0] == ENDED:
            return _dropped(state, key), ()
    return put(state, key, episode), ()


def _held(state: LineState, key: EpisodeKey, episode: Episode, at_s: float) -> Fold:
    if episode.phase is Phase.HELD:
        return put(state, key, episode), ()
    if key[0] == ENDED and at_s <= state.resumed_at_s:  # it met a line that stood already, and has been resumed since
        return _dropped(state, key), ()
    episode = replace(episode, phase=Phase.HELD)
    return containment.held(put(state, key, episode), episode, at_s)


def _dropped(state: LineState, key: EpisodeKey) -> LineState:
    return replace(state, episodes={k: e for k, e in state.episodes.items() if k != key})


def _may_ask(state: LineState, key: EpisodeKey) -> bool:
    """One line, one stop; and after a refusal only when the rule is true anew."""
    refused = state.episodes[key].phase is Phase.REFUSED
    return not refused and all(episode.phase not in STOPPING for episode in state.episodes.values())


def _ask(
    state: LineState,
    key: EpisodeKey,
    terms: Terms,
    finding: Finding,
    line: str,
    part: Part,
    now_s: float,
    book: RuleBook,
) -> Fold:
    episode = state.episodes[key]
    recent = [at_s for at_s in state.stops_s if at_s > part.judged_at_s - book.budget.per_s]
    if len(recent) >= book.budget.stops:
        return _escalate(state, finding, line, part, book)
    receipt_by_s = now_s + terms.pause_ttl_s + RECEIPT_GRACE_S
    asked = replace(episode, phase=Phase.REQUESTED, attempt=episode.attempt + 1, receipt_by_s=receipt_by_s)
    return put(state, key, asked), (Action(What.PAUSE, asked, finding, terms, asked.attempt),)


def _escalate(state: LineState, finding: Finding, line: str, part: Part, book: RuleBook) -> Fold:
    key: EpisodeKey = (STOP_BUDGET, (), "")
    known = state.episodes.get(key)
    if known is not None and part.judged_at_s - known.opened_at_s <= book.forget_after_s:
        return state, ()
    stops, hours = book.budget.stops, book.budget.per_s / 3600
    detail = f"stop budget exhausted: {stops} stops in {hours:g} h, the line runs on although {finding.detail}"
    why = replace(finding, statistic=float(stops), limit=float(stops), detail=detail)
    opened = new(line, STOP_BUDGET, part, "", {}, part.inspection_id, _ESCALATION, why)
    return open_(state, key, opened, _ESCALATION, why)


def _finding(rule: Rule, fired: Fired, part: Part) -> Finding:
    signal, mark = fired.signal, fired.mark
    since = mark.since or part.ref
    first = mark.evidence[0] if rule.windowed and mark.evidence else since
    return Finding(signal.statistic, signal.limit, signal.detail, first, part.ref, mark.evidence, part.judged_at_s)
