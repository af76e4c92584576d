"""What the rules make of parts whose turn it is: who sees them, what that says, and which ones count at all."""

from dataclasses import replace

from services.postprocessing.domain.count import Due, Turn
from services.postprocessing.domain.order import BEFORE_RESUME, NUMBER_TAKEN, counted
from services.postprocessing.domain.rules import containment
from services.postprocessing.domain.rules.action import Action
from services.postprocessing.domain.rules.asking import signalled
from services.postprocessing.domain.rules.episodes import Fold, quietened
from services.postprocessing.domain.rules.ignored import ignored
from services.postprocessing.domain.rules.rule import Rule, RuleBook
from services.postprocessing.domain.rules.state import Group, LineState, Tracks
from services.postprocessing.domain.rules.watching import Fired, basis, track_of, watch

_FIRST_LATE = 4
"""So many late parts after a resume may have been made before it: fewer than a run, for a clock may be slow (R2)."""


def before_resume(state: LineState, turn: Turn) -> bool:
    """Whether a part was made before the operator's resume: by its number, or as one of the first late ones after it.

    A camera that kept frames while we were away sends them late, and their numbers are new. But a slow clock looks the
    same, and must not switch the rules off: only the first few are believed.
    """
    part = turn.part
    if turn.resumed or not part.late or not state.resumes:
        return turn.resumed
    believed = bool(turn.again) or state.late.get(part.channel, 0) < _FIRST_LATE
    return believed and part.captured_at_s < state.resumed_at_s


def see_all(state: LineState, due: Due, line: str, book: RuleBook) -> Fold:
    """Let the rules of `line` (site/line) see parts, one after the other."""
    actions: tuple[Action, ...] = ()
    for turn in due:
        state, fired = _see(state, turn, line, book)
        actions += fired
    return state, actions


def _see(state: LineState, turn: Turn, line: str, book: RuleBook) -> Fold:
    part, _, old, again = turn
    told: tuple[Action, ...] = ()
    old = old or (part.late and before_resume(state, turn))
    if old:
        state = _passed_over(state, turn)
    if state.suspects is not None and not part.measurement:
        state, told = containment.suspect(state, part, resumed=old)
    tracks, signals = _watch_all(state, turn, book, old=old)
    if tracks:
        tracks = {**state.tracks, **tracks}
        state = LineState(
            state.orders,
            tracks,
            state.episodes,
            state.stops_s,
            state.resumed_at_s,
            state.suspects,
            state.resumes,
            state.late,
        )  # this is where the fold's time goes: `replace` takes three times as long
    for rule, group, fired in signals:
        for each in fired:
            state, actions = signalled(state, rule, group, each, part, line, book)
            told += actions
        if state.episodes:
            state = quietened(state, rule, group, fired, book)
    if again or (old and part.late):  # after a stop that it may bring
        state, alarm = ignored(state, part, NUMBER_TAKEN if again else BEFORE_RESUME, line)
        told += alarm
    return state, told


def _passed_over(state: LineState, turn: Turn) -> LineState:
    """The part was made before the resume."""
    channel = turn.part.channel
    late = state.late
    if not turn.resumed and not turn.again:
        late = {**late, channel: late.get(channel, 0) + 1}
    orders = {**state.orders, channel: counted(state.orders[channel], BEFORE_RESUME)}
    return replace(state, orders=orders, late=late)


def _watch_all(
    state: LineState, turn: Turn, book: RuleBook, *, old: bool
) -> tuple[dict[str, Tracks], list[tuple[Rule, Group, list[Fired]]]]:
    """Every rule's charts see the part; only what changed, and what signals or may end an incident, is returned."""
    part, gap, _, again = turn
    good = not part.measurement and part.defects is not None and not part.defects and not gap
    changed: dict[str, Tracks] = {}
    signals: list[tuple[Rule, Group, list[Fired]]] = []
    groups: dict[tuple[str, ...], Group] = {}
    troubled = {key[0] for key in state.episodes}
    for rule in book.hearing(part):
        if old and rule.after_resume:
            continue
        if (group := groups.get(rule.keys)) is None:
            group = tuple([part.attribute(key) for key in rule.keys])
            group = groups[rule.keys] = track_of(group, turn) if again else group
        tracks = state.tracks.get(rule.id)
        if tracks is None or tracks.digest != rule.digest:
            tracks = Tracks(rule.digest, {})
        fired: list[Fired] = []
        # Good parts are the rule, and a chart at rest learns nothing from them: this is what makes the fold fast.
        if not (good and rule.forgets and group not in tracks.groups):
            after, fired = watch(rule, tracks, part, gap, group, basis(rule, state, turn), book.labels)
            if after is not tracks:
                changed[rule.id] = after
        if fired or rule.id in troubled:
            signals.append((rule, group[: len(rule.by)], fired))
    return changed, signals
