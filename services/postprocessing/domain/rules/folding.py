"""The way in: one function for each fact that the rules fold."""

from collections.abc import Iterator
from dataclasses import replace

from services.postprocessing.domain.order import JUMPED, Order, accept, expire, resumed
from services.postprocessing.domain.part import Part, Ref
from services.postprocessing.domain.rules import asking, containment
from services.postprocessing.domain.rules.action import Action, Finding
from services.postprocessing.domain.rules.asking import given_up
from services.postprocessing.domain.rules.episodes import Fold, alarmed, close, find
from services.postprocessing.domain.rules.ignored import ignored
from services.postprocessing.domain.rules.rule import Observed, Rule, RuleBook
from services.postprocessing.domain.rules.seeing import see_all
from services.postprocessing.domain.rules.state import (
    ENDED,
    MOST_CHANNELS,
    STOPPING,
    LineState,
    Phase,
    Tracks,
)

_NEW = Order()


def on_part(state: LineState, part: Part, line: str, book: RuleBook) -> Fold:
    """Fold a verdict or a measurement of `line` (site/line): put it in part order, let every rule see what is due."""
    channel = part.channel
    known = state.orders.get(channel, _NEW)
    order, due = accept(known, part, book.patience)
    state, actions = see_all(_counted(state, channel, order), due, line, book)
    if order.ignored is not known.ignored and order.ignored.get(JUMPED) != known.ignored.get(JUMPED):
        state, alarm = ignored(state, part, JUMPED, line)
        actions += alarm
    return state, actions


def on_settled(state: LineState, request_id: str, *, confirmed: bool, retry: bool, at_s: float) -> Fold:
    """Fold the receipt of a pause: held at `at_s` (its suspect parts are told), worth another attempt, or refused.

    One that was told before changes nothing, and of an earlier attempt only that the line is held.
    """
    return asking.settled(state, request_id, confirmed=confirmed, retry=retry, at_s=at_s)


def on_resumed(state: LineState, episode_id: str, resumed_at_s: float, book: RuleBook) -> Fold:
    """Fold the operator's resume: incidents that stop this line are over, only parts made since count again.

    Which ones those are is said by their numbers: what is numbered until here came before, whenever it is judged.
    """
    suspects = state.suspects
    held = suspects is not None and suspects.episode.id == episode_id and not suspects.runs_again
    if not held and find(state, episode_id) is None:
        return state, ()
    for key in [key for key, episode in state.episodes.items() if episode.stops]:
        state = close(state, key, book)
    state = replace(
        state,
        orders={channel: resumed(order) for channel, order in state.orders.items()},
        resumed_at_s=max(state.resumed_at_s, resumed_at_s),
        suspects=suspects and replace(suspects, runs_again=True),
        resumes=state.resumes + 1,
        late={},
    )
    return containment.widened(state)


def on_completed(state: LineState, episode_id: str, order_key: str, book: RuleBook) -> Fold:
    """Fold the end of an order: the last that the incident awaits ends it; of others (a supplier's) nothing follows."""
    known = find(state, episode_id)
    if known is None or order_key not in known[1].awaits:
        return state, ()
    key, episode = known
    if left := tuple(each for each in episode.awaits if each != order_key):
        return replace(state, episodes={**state.episodes, key: replace(episode, awaits=left)}), ()
    return on_closed(state, episode_id, book)


def on_closed(state: LineState, episode_id: str, book: RuleBook) -> Fold:
    """Fold that an incident is over, whatever was asked. While the line is held, the operator's resume ends it.

    The machine stands, and a word at a desk does not let it run. The bridge tells the resume also after its own death.
    """
    known = find(state, episode_id)
    if known is None:
        return state, ()
    key, episode = known
    if episode.phase is Phase.HELD:
        return replace(state, episodes={**state.episodes, key: replace(episode, ordered=False)}), ()
    if key[0] == ENDED:
        return state, ()
    return close(state, key, book), ()


def on_silence(state: LineState, station: str, at_s: float, line: str, book: RuleBook) -> Fold:
    """Fold that nothing came from a station until `at_s`: what is waited for in vain ends, silence is an alarm."""
    state = given_up(state, at_s, book)
    actions: tuple[Action, ...] = ()
    for channel in [c for c in state.orders if c.split("/")[0] == station]:
        order, due = expire(state.orders[channel], book.patience, at_s)
        if due:
            state, fired = see_all(_counted(state, channel, order), due, line, book)
            actions += fired
    state, alarms = _silence(state, station, at_s, line, book)
    return state, actions + alarms


def silences(state: LineState, now_s: float, book: RuleBook) -> Iterator[tuple[str, tuple[str, float]]]:
    """Channels that need to be told the time at `now_s`: (channel, (why, the time since when)); told once each."""
    limits = [rule.silence_s for rule in book.rules if rule.observed is Observed.MISSING and rule.silence_s]
    for channel, order in state.orders.items():
        waiting_s = order.waiting_since_s
        if waiting_s is not None and now_s - waiting_s > book.patience.seconds:
            yield channel, ("gap", waiting_s)
        elif "/" not in channel and limits and now_s - order.newest_s >= min(limits):
            passed = max(limit for limit in limits if limit <= now_s - order.newest_s)
            yield channel, (f"silent for {passed:g} s", order.newest_s)


def on_rules(state: LineState, book: RuleBook) -> LineState:
    """Fold a change of rules: charts of rules whose text is the same go on, the others begin afresh.

    Incidents stay open as long as a rule of their id exists, or the line is held for them.
    """
    tracks = {rule_id: t for rule_id, t in state.tracks.items() if _same(book.rule(rule_id), t)}
    episodes = {key: e for key, e in state.episodes.items() if book.rule(key[0]) or e.phase in STOPPING}
    return replace(state, tracks=tracks, episodes=episodes)


def _same(rule: Rule | None, tracks: Tracks) -> bool:
    return rule is not None and rule.digest == tracks.digest


def _counted(state: LineState, channel: str, order: Order) -> LineState:
    orders = {**state.orders, channel: order}
    if len(orders) > MOST_CHANNELS:
        del orders[min(orders, key=lambda c: orders[c].newest_s)]
    return LineState(
        orders,
        state.tracks,
        state.episodes,
        state.stops_s,
        state.resumed_at_s,
        state.suspects,
        state.resumes,
        state.late,
    )


def _silence(state: LineState, station: str, at_s: float, line: str, book: RuleBook) -> Fold:
    order = state.orders.get(station)
    if order is None or order.lot is None or any(e.phase in STOPPING for e in state.episodes.values()):
        return state, ()
    silent_s = at_s - order.newest_s
    last = Ref(order.lot.lot, order.lot.frontier, f"{order.lot.lot}:{order.lot.frontier}")
    part = Part(station, last.inspection_id, last.lot, last.sequence, None, order.newest_s, at_s)
    actions: tuple[Action, ...] = ()
    for rule in book.rules:
        if rule.observed is Observed.MISSING and 0 < rule.silence_s <= silent_s:
            detail = f"no verdict for {silent_s:.0f} s"
            finding = Finding(silent_s, rule.silence_s, detail, last, last, (), at_s)
            state, alarm = alarmed(state, rule, part, line, finding)
            actions += alarm
    return state, actions
