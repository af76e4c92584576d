"""What rules would have done: history folded through them, with people and machines who behave.

History holds what the rules of that time brought about; other rules would have stopped the line elsewhere. So both are
folded under the same assumption: the PLC holds at once, the operator resumes before the next part, and an order is
completed some hours after it was opened.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from services.postprocessing.domain.part import Part
from services.postprocessing.domain.rules import folding
from services.postprocessing.domain.rules.action import Action, What
from services.postprocessing.domain.rules.episodes import Fold
from services.postprocessing.domain.rules.rule import RuleBook
from services.postprocessing.domain.rules.state import STOPPING, LineState, Phase

COUNTED = (What.PAUSE, What.MAINTENANCE, What.SUPPLIER, What.WARN)
_INSTANT_S = 1e-6


@dataclass(frozen=True)
class Wish:
    """One thing that the rules wanted, and the parts behind it."""

    what: What
    rule_id: str
    line: str
    station: str
    label: str
    lot: str
    first: int
    last: int
    at_s: float
    detail: str

    def about_the_same(self, other: "Wish") -> bool:
        """Whether both want the same of the same parts, whatever their rules are called."""
        mine, theirs = ((w.what, w.line, w.station, w.lot) for w in (self, other))
        return mine == theirs and self.first <= other.last and other.first <= self.last

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"what": self.what.value}


@dataclass
class WhatIf:
    """One rule book at work on history; `wishes` in order, `parts` seen."""

    book: RuleBook
    order_s: float
    wishes: list[Wish] = field(default_factory=list)
    parts: int = 0
    _lines: dict[str, LineState] = field(default_factory=dict)

    def see(self, line: str, part: Part) -> None:
        """Fold one part of `line` (site/line)."""
        self.parts += 1
        self._complete(line, part.judged_at_s)
        self._take(line, folding.on_part(self._lines.get(line) or LineState(), part, line, self.book))
        for episode in list(self._lines[line].episodes.values()):
            if episode.phase is Phase.REQUESTED:
                self._obey(line, episode.id, episode.request_id, part)

    def _complete(self, line: str, now_s: float) -> None:
        state = self._lines.get(line) or LineState()
        for episode in list(state.episodes.values()):
            if episode.ordered and episode.phase not in STOPPING and episode.opened_at_s + self.order_s <= now_s:
                self._take(line, folding.on_closed(self._lines[line], episode.id, self.book))

    def _obey(self, line: str, episode_id: str, request_id: str, part: Part) -> None:
        at_s = part.judged_at_s
        self._take(line, folding.on_settled(self._lines[line], request_id, confirmed=True, retry=False, at_s=at_s))
        resumed_at_s = part.captured_at_s + _INSTANT_S
        self._take(line, folding.on_resumed(self._lines[line], episode_id, resumed_at_s, self.book))

    def _take(self, line: str, fold: Fold) -> None:
        self._lines[line], actions = fold
        self.wishes += [_wish(line, action) for action in actions if action.what in COUNTED]


def _wish(line: str, action: Action) -> Wish:
    why, episode = action.finding, action.episode
    first = why.first.sequence if why.first.lot == why.last.lot else 1
    return Wish(
        action.what,
        episode.rule_id,
        line,
        episode.station,
        episode.label,
        why.last.lot,
        first,
        why.last.sequence,
        why.at_s,
        why.detail,
    )


def only(ones: Sequence[Wish], others: Sequence[Wish]) -> list[Wish]:
    """Wishes of `ones` that nothing in `others` corresponds to."""
    return [wish for wish in ones if not any(wish.about_the_same(other) for other in others)]


def counts(wishes: Iterable[Wish]) -> dict[str, dict[What, int]]:
    """How often each rule wanted what."""
    found: dict[str, dict[What, int]] = {}
    for wish in wishes:
        of_rule = found.setdefault(wish.rule_id, dict.fromkeys(COUNTED, 0))
        of_rule[wish.what] += 1
    return found
