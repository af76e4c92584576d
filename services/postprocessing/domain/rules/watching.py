"""Feeding the charts: which part goes to which chart, and what it says there."""

from collections.abc import Mapping
from typing import NamedTuple

from services.postprocessing.domain.charts.chart import Signal
from services.postprocessing.domain.count import Turn
from services.postprocessing.domain.part import Part, Ref
from services.postprocessing.domain.rules.rule import Observed, Rule
from services.postprocessing.domain.rules.state import Group, LineState, Mark, Track, Tracks

AGAIN = "again"
Seen = list[tuple[str, float, int]]
"""Class, observation, number of parts."""


class Fired(NamedTuple):
    """A chart's signal; `defective`: this very part counted against it."""

    label: str
    signal: Signal
    mark: Mark
    defective: bool


def watch(
    rule: Rule, tracks: Tracks, part: Part, gap: int, group: Group, basis: tuple[str, ...], labels: tuple[str, ...]
) -> tuple[Tracks, list[Fired]]:
    """Let one rule see one part; returns the same `tracks` when it told nothing new."""
    track = tracks.groups.get(group)
    fresh = track is None or track.basis != basis
    marks = dict(_muted(rule, labels) if fresh or track is None else track.marks)
    fired: list[Fired] = []
    seen = observe(rule, part, gap, marks, labels)
    for label, x, n in seen:
        after, signal = _step(rule, marks.get(label) or Mark(rule.start), x, n, part.ref)
        if after is None:
            marks.pop(label, None)
        else:
            marks[label] = after
            if signal is not None:
                fired.append(Fired(label, signal, after, x > 0))
    if not seen and not fresh:
        return tracks, fired
    return _kept(rule, tracks, group, Track(basis, marks)), sorted(fired, key=lambda f: f.label)


def basis(rule: Rule, state: LineState, turn: Turn) -> tuple[str, ...]:
    """On what the rule's charts count: when it changes, they begin afresh."""
    resumed = (str(state.resumes),) if rule.after_resume else ()
    found = (*[turn.part.attribute(key) for key in rule.basis], *resumed) if rule.basis else resumed
    return (*found, str(turn.again)) if turn.again else found


def track_of(group: Group, turn: Turn) -> Group:
    """Parts whose number was taken have charts of their own: they neither break the others' runs nor are lost (R5)."""
    return (*group, AGAIN) if turn.again else group


def reset(rule: Rule, tracks: Tracks, scope: Group, label: str) -> Tracks:
    """Empty a group's chart, in whatever lot, and mute it for the warm-up."""
    groups = dict(tracks.groups)
    for group, track in tracks.groups.items():
        if group[: len(scope)] != scope or label not in track.marks:
            continue
        marks = {**track.marks, label: Mark(rule.start, rule.warm_up_parts)}
        if not rule.warm_up_parts:
            del marks[label]
        groups[group] = Track(track.basis, marks)
    return tracks._replace(groups=groups)


def _muted(rule: Rule, labels: tuple[str, ...]) -> Mapping[str, Mark]:
    if not rule.warm_up_parts:
        return {}
    charts = labels if rule.by_class else (rule.name if rule.observed is not Observed.MEASUREMENT else "",)
    return {label: Mark(rule.start, rule.warm_up_parts) for label in charts}


def _step(rule: Rule, mark: Mark, x: float, n: int, ref: Ref) -> tuple[Mark | None, Signal | None]:
    """None: the chart is at its start again and need not be remembered."""
    state, signal = rule.chart.step(mark.state, x, n)
    muted = mark.muted
    if muted:
        muted, signal = max(0, muted - n), None
    at_rest = state == rule.start
    if at_rest and rule.rests:
        return (Mark(state, muted) if muted else None), None
    counts = x or not rule.rests
    evidence = (*mark.evidence, ref)[-rule.evidence :] if counts else mark.evidence
    return Mark(state, muted, None if at_rest else mark.since or ref, evidence), signal


def _kept(rule: Rule, tracks: Tracks, group: Group, track: Track) -> Tracks:
    groups = dict(tracks.groups)
    known = groups.pop(group, None)
    if not track.marks and rule.forgets:
        return tracks if known is None else Tracks(tracks.digest, groups, tracks.evicted)
    groups[group] = track
    if len(groups) <= rule.groups:
        return Tracks(tracks.digest, groups, tracks.evicted)
    del groups[next(iter(groups))]
    return Tracks(tracks.digest, groups, tracks.evicted + 1)


def observe(rule: Rule, part: Part, gap: int, marks: Mapping[str, Mark], labels: tuple[str, ...]) -> Seen:
    """What one part, `gap` missing ones before it, tells the charts that have `marks`, and those it begins."""
    observed = rule.observed
    if observed is Observed.MEASUREMENT:
        return [("", part.value, 1)]
    if observed is Observed.MISSING:
        return [("", float(gap), gap), ("", 0.0, 1)] if gap else [("", 0.0, 1)] if marks else []
    found = part.defects
    if observed is Observed.INCONCLUSIVE:
        return [("", float(found is None), 1)] if found is None or marks else []
    if found is None:  # INCONCLUSIVE neither extends nor breaks a run, as a missing part does not
        return []
    if not rule.by_class:
        names = [rule.name] if rule.name else list(found)
        value = _value(observed, [found[name] for name in names if name in found])
        return [(rule.name, value, 1)] if value or marks or not rule.rests else []
    if rule.rests:
        classes = (*marks, *(label for label in found if label not in marks)) if marks else tuple(found)
    else:
        classes = (*labels, *(label for label in found if label not in labels))
    return [(label, _value(observed, [found[label]] if label in found else []), 1) for label in classes]


def _value(observed: Observed, found: list[tuple[int, float, float]]) -> float:
    if not found:
        return 0.0
    if observed is Observed.DEFECTIVE:
        return 1.0
    if observed is Observed.DEFECTS:
        return float(sum(number for number, _, _ in found))
    if observed is Observed.SCORE:
        return max(score for _, score, _ in found)
    return sum(area for _, _, area in found)
