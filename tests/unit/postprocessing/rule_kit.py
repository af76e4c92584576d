"""Parts, rules and a fold that remembers, for the tests of the rules."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.postprocessing.adapters.rule_books import book_of
from services.postprocessing.domain.part import Found, Part
from services.postprocessing.domain.rules import folding
from services.postprocessing.domain.rules.action import Action, What
from services.postprocessing.domain.rules.rule import RuleBook
from services.postprocessing.domain.rules.state import Episode, LineState

LINE = "lyon/smt1"
CONSECUTIVE = {"id": "run", "kind": "consecutive", "k": 5, "actions": ["pause_line", "maintenance_request"]}


def book(*rules: dict, **rule_set) -> RuleBook:
    """A rule book as the plant file would make it."""
    document = {"version": 1, "rules": list(rules) or [CONSECUTIVE], **rule_set}
    return book_of(json.dumps({"labels": ["open", "short"], "rule_set": document}))


def part(sequence: int, *labels: str, lot: str = "lot1", inconclusive: bool = False, at_s: float = 0.0, **more) -> Part:
    """Parts come every 0.1 s; `at_s` moves a whole lot."""
    at_s += 1000.0 + sequence * 0.1
    found = None if inconclusive else {label: Found(1, 0.9, 100.0) for label in labels}
    station = more.get("station", "aoi1")
    standard = {"station": station, "recipe": "pcb:1", "inspection_id": f"i-{station}-{lot}-{sequence}"}
    where = {"lot": lot, "sequence": sequence, "defects": found, "captured_at_s": at_s, "judged_at_s": at_s}
    return Part(**{**where, **standard, **more})


def measured(sequence: int, value: float, **more) -> Part:
    at_s = 1000.0 + sequence * 0.1
    who = {"station": "cnc1", "inspection_id": f"m-{sequence}", "lot": "", "measurement": "rms", "value": value}
    when = {"sequence": sequence, "captured_at_s": at_s, "judged_at_s": at_s, "defects": None}
    return Part(**{**who, **when, **more})


@dataclass
class Folded:
    """One line's rules at work; `said` keeps the actions in order."""

    rules: RuleBook
    state: LineState = field(default_factory=LineState)
    said: list[Action] = field(default_factory=list)

    def parts(self, parts: Iterable[Part]) -> "Folded":
        for each in parts:
            self._keep(folding.on_part(self.state, each, LINE, self.rules))
        return self

    def settled(
        self, request_id: str, *, confirmed: bool = True, retry: bool = False, at_s: float = 1000.7
    ) -> "Folded":
        return self._keep(folding.on_settled(self.state, request_id, confirmed=confirmed, retry=retry, at_s=at_s))

    def resumed(self, episode_id: str, at_s: float) -> "Folded":
        return self._keep(folding.on_resumed(self.state, episode_id, at_s, self.rules))

    def completed(self, episode_id: str, order_key: str = "") -> "Folded":
        """The line's own order is meant, unless another is named."""
        return self._keep(folding.on_completed(self.state, episode_id, order_key or episode_id, self.rules))

    def closed(self, episode_id: str) -> "Folded":
        return self._keep(folding.on_closed(self.state, episode_id, self.rules))

    def silent(self, at_s: float, station: str = "aoi1") -> "Folded":
        return self._keep(folding.on_silence(self.state, station, at_s, LINE, self.rules))

    def of(self, what: What) -> list[Action]:
        return [action for action in self.said if action.what is what]

    @property
    def episodes(self) -> list[Episode]:
        return list(self.state.episodes.values())

    def _keep(self, fold: folding.Fold) -> "Folded":
        self.state, actions = fold
        self.said += actions
        return self


def run(first: int, last: int, *labels: str, **more) -> list[Part]:
    """Consecutive parts, `last` included."""
    return [part(number, *labels, **more) for number in range(first, last + 1)]
