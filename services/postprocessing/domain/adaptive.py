"""Thresholds that follow what good parts look like, within rails. Switched off unless a recipe asks for it.

A tired lamp or a new batch of laminate lets the scores of good parts rise until they are called defects and the line
stops for nothing. The last parts that PASSed tell what score a good part has now: the threshold is put `margin` above
the `quantile` of their best scores. A class whose good parts score low gets a sharper threshold in the same way.

Where it could drift into blindness: a tool that wears makes every part a little worse than the one before, each of them
still PASSes, and a window that slides along learns the wear as the new normal. What stands against that:

* Only the line between FAIL and INCONCLUSIVE rises. The one below which a part PASSes never does, so no part PASSes
  that the recipe as written would not let PASS. Only parts with all scores below that line are learnt from, so the
  window cannot pull itself up.
* The threshold never rises above the recipe's by more than `max_raise` and never falls below `floor`.
* Nothing is learnt within `calm_parts` good parts after one that was not: the parts between the defects of a run are
  suspect, too, and the threshold stays where it was before the run.
* With fewer than `min_parts` the recipe's threshold holds: after a restart, and with another recipe, model or
  preprocessing, whose scores mean something else.

What remains: a part in the raised strip is INCONCLUSIVE and no longer FAIL, so it does not count towards a rule that
stops the line, only towards `inconclusive_rate`. Whoever switches this on should have that rule, too.

How the state is kept: one window for each station and recipe in the judge's memory, moved only by verdicts that the
broker has stored. Every verdict carries, for each class, the threshold that it was judged by and the part's best score.
So a verdict is derived again from itself alone, without the window; and the window from the best scores of the verdicts
before it in the stream. After a restart it is not restored: the recipe's threshold, the one that was validated, holds
until `min_parts` good parts have come. Two judges side by side keep a window each, within the same rails.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil

from services.postprocessing.domain.limits import ClassLimits, Limits


@dataclass(frozen=True)
class Rails:
    """How far and how fast thresholds may move; counts in parts, everything else in scores and shares 0..1."""

    parts: int
    min_parts: int
    quantile: float
    margin: float
    max_raise: float
    floor: float
    calm_parts: int


@dataclass(frozen=True)
class Window:
    """The best scores by class of the last good parts of a station, and the parts' inspection ids.

    `wary`: so many more good parts must come before one is learnt from.
    """

    scores: tuple[Mapping[str, float], ...] = ()
    ids: tuple[str, ...] = ()
    wary: int = 0

    def after(self, inspection_id: str, best_scores: Mapping[str, float], rails: Rails, *, good: bool) -> "Window":
        """The window behind one more verdict. A part that is in it already was sent twice and counts once.

        `good`: it PASSed, and no score of it was as much as a doubt, not even one that the recipe allows.
        """
        if not good:
            return replace(self, wary=rails.calm_parts)
        if inspection_id in self.ids:
            return self
        if self.wary:
            return replace(self, wary=self.wary - 1)
        scores, ids = (*self.scores, best_scores), (*self.ids, inspection_id)
        return Window(scores[-rails.parts :], ids[-rails.parts :])


def adapted(limits: Limits, window: Window, rails: Rails) -> Limits:
    """The recipe's limits with the thresholds that the window suggests."""
    if len(window.scores) < rails.min_parts:
        return limits
    moved = {label: _moved(each, label, window, rails) for label, each in limits.classes.items()}
    return replace(limits, classes=moved)


def _moved(of: ClassLimits, label: str, window: Window, rails: Rails) -> ClassLimits:
    scores = sorted(each.get(label, 0.0) for each in window.scores)
    bound = scores[ceil(rails.quantile * len(scores)) - 1] + rails.margin
    # A recipe whose thresholds lie below the floor, or so high that nothing is left above, is not moved against itself.
    lowest, highest = min(rails.floor, of.threshold), min(1.0, of.threshold + rails.max_raise)
    threshold = min(max(bound, lowest), highest)
    return replace(of, threshold=threshold, inconclusive_from=min(of.inconclusive_from, threshold))


@dataclass
class Windows:
    """One window for each station and recipe; `basis` names all that gives scores their meaning."""

    _kept: dict[tuple[str, str], tuple[str, Window]] = field(default_factory=dict)

    def at(self, place: str, recipe: str, basis: str) -> Window:
        """A fresh one when the basis has changed."""
        known, window = self._kept.get((place, recipe), ("", Window()))
        return window if known == basis else Window()

    def keep(self, place: str, recipe: str, basis: str, window: Window) -> None:
        """Remember it in place of the last; there are no more than the plant has stations and recipes."""
        self._kept[place, recipe] = basis, window
