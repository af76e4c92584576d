"""What to set aside after a stop: from the first defect of the run to the last part before the line was held."""

from dataclasses import replace

from services.postprocessing.domain.part import Part, Ref
from services.postprocessing.domain.rules.action import Action, Finding, What
from services.postprocessing.domain.rules.episodes import Fold
from services.postprocessing.domain.rules.rule import Terms
from services.postprocessing.domain.rules.state import Episode, LineState, Suspects


def held(state: LineState, episode: Episode, at_s: float) -> Fold:
    """The line was held at `at_s` for this incident: its suspect parts are told."""
    last = _newest(state, episode.station, episode.first)
    suspects = Suspects(episode, episode.first, last, at_s, told=last)
    state = replace(state, stops_s=(*state.stops_s, at_s)[-64:], suspects=suspects)
    return state, (_containment(suspects),)


def suspect(state: LineState, part: Part, *, resumed: bool) -> Fold:
    """A part from before the line ran again (`resumed`: it has since) belongs to what must be contained."""
    suspects = state.suspects
    if suspects is None or part.station != suspects.episode.station:
        return state, ()
    if suspects.runs_again and not resumed:
        return state, ()
    lot = state.orders[part.channel].lot
    newer = part.sequence > suspects.last.sequence if part.lot == suspects.last.lot else lot and part.lot == lot.lot
    if not newer:
        return state, ()
    state = replace(state, suspects=replace(suspects, last=part.ref))
    return widened(state) if suspects.runs_again else (state, ())


def widened(state: LineState) -> Fold:
    """The range is told again when it has grown."""
    suspects = state.suspects
    if suspects is None or suspects.told == suspects.last:
        return state, ()
    suspects = replace(suspects, revision=suspects.revision + 1, told=suspects.last)
    return replace(state, suspects=suspects), (_containment(suspects),)


def _newest(state: LineState, station: str, otherwise: Ref) -> Ref:
    order = state.orders.get(station)
    if order is None or order.lot is None:
        return otherwise
    lot = order.lot
    return lot.pending[-1].ref if lot.pending else Ref(lot.lot, lot.frontier, "")


def _containment(suspects: Suspects) -> Action:
    detail = f"{suspects.first.lot}/{suspects.first.sequence} to {suspects.last.lot}/{suspects.last.sequence}"
    held_at_s = suspects.held_at_s
    finding = Finding(0.0, 0.0, detail, suspects.first, suspects.last, (), held_at_s, held_at_s)
    return Action(What.CONTAIN, suspects.episode, finding, Terms(), suspects.revision)
