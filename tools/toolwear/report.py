"""What `jidoka toolwear` says: tables for the console, figures as JSON, and a page with the curves."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from rich.table import Table

from tools.toolwear.curves import svg
from tools.toolwear.data import Life
from tools.toolwear.left_out import Outcome, Summary, Terms, by_cusum, by_trend, summary

_HEAD = ("tool", "record s", "order at s", "wear then µm", "limit at s", "left s", "", "settings, chosen on the others")


@dataclass(frozen=True)
class Trial:
    """One kind of rule, on every tool."""

    title: str
    outcomes: Sequence[Outcome]
    total: Summary

    @property
    def sentence(self) -> str:
        """The result in words."""
        s, left_s = self.total, self.total.shortest_left_s
        worst = "" if left_s is None else f", at worst {abs(left_s)} s {'before' if left_s > 0 else 'after'} the limit"
        (favourite, times), *_ = Counter(_settings(outcome) for outcome in self.outcomes).most_common(1)
        return (
            f"{self.title}: in time on {s.in_time} of {s.worn_out} tools that were worn out{worst}; "
            f"false alarms: {s.false_alarms} of {s.fired} orders, on {len(self.outcomes)} tools. "
            f"{s.in_time} of {s.worn_out} proves no more than {s.lower_95:.0%} of such tools (95 % confidence). "
            f"Most often chosen, {times} times: {favourite}."
        )


@dataclass(frozen=True)
class Study:
    """Everything that was found."""

    feature: str
    lives: Sequence[Life]
    terms: Terms
    trials: Sequence[Trial]

    @property
    def caveats(self) -> tuple[str, ...]:
        """What the data cannot show."""
        never = sum(life.reaches(self.terms.limit_um) is None for life in self.lives)
        limit, half, aim = self.terms.limit_um, self.terms.half_um, self.terms.aim_um
        tools = f"{len(self.lives)} tools; {never} records end before {limit:g} µm: they can only show false alarms."
        time = (
            "One row is one second of cutting. The table names no passes, and wear between two readings of the "
            "microscope is interpolated: wear and time left are good to some tens of µm and some seconds."
        )
        words = (
            f"An order is a false alarm before {half:g} µm: more than half of the tool would be thrown away. Settings "
            f"aim at {aim:.0f} µm: late is twice as bad as early."
        )
        choice = (
            f"That {self.feature} is watched, which settings are tried and how they are ranked, was decided knowing "
            "all tools: only the choice among the settings was left out."
        )
        return tools, time, words, choice


def study(lives: Sequence[Life], feature: str, fresh: int, terms: Terms) -> Study:
    """Every rule on every tool that is left out; uses all cores."""
    with ProcessPoolExecutor() as pool:
        found = (
            (f"trend against the first {fresh} s", by_trend(lives, terms, fresh, pool.map)),
            ("trend of the value as it is", by_trend(lives, terms, 0, pool.map)),
            ("CUSUM", by_cusum(lives, terms)),
        )
    return Study(feature, lives, terms, [Trial(title, outcomes, summary(outcomes)) for title, outcomes in found])


def as_table(trial: Trial, terms: Terms) -> Table:
    """For the console."""
    table = Table(*_HEAD[:-1], title=f"{trial.title}, limit {terms.limit_um:g} µm", box=None, pad_edge=False)
    for outcome in trial.outcomes:
        table.add_row(*_cells(outcome)[:-1])
    return table


def as_json(found: Study) -> str:
    """All figures: for each rule and tool what was chosen and what came of it."""
    trials = {
        trial.title: {
            **asdict(trial.total),
            "tools": {outcome.tool: _figures(outcome) for outcome in trial.outcomes},
        }
        for trial in found.trials
    }
    head = {"feature": found.feature, "tools": len(found.lives), **asdict(found.terms), "half_um": found.terms.half_um}
    return json.dumps({**head, "rules": trials, "caveats": found.caveats}, indent=1) + "\n"


def as_html(found: Study) -> str:
    """A page that needs nothing but a browser: a table for each rule, and for each tool its curve."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Tool wear</title><style>body{font-family:'
        "sans-serif;max-width:1000px;margin:2em auto}td,th{padding:2px 10px;text-align:right}td:last-child,"
        f"th:last-child{{text-align:left}}</style><h1>{escape(found.feature)} and flank wear</h1>"
        + "".join(f"<p>{escape(text)}</p>" for text in found.caveats)
        + "".join(_section(trial, found) for trial in found.trials)
        + "</html>\n"
    )


def _section(trial: Trial, found: Study) -> str:
    rows = [_HEAD, *(_cells(outcome) for outcome in trial.outcomes)]
    cells = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    curves = [
        svg(life, outcome, found.feature, found.terms)
        for life, outcome in zip(found.lives, trial.outcomes, strict=True)
    ]
    table = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<h2>{escape(trial.title)}</h2><p>{escape(trial.sentence)}</p><table>{table}</table>{''.join(curves)}"


def _cells(outcome: Outcome) -> tuple[str, ...]:
    word = "FALSE ALARM" if outcome.false_alarm else "LATE" if outcome.in_time is False else ""
    numbers = (outcome.seconds, outcome.fires_s, outcome.fires_um, outcome.limit_s, outcome.left_s)
    return (outcome.tool, *("-" if n is None else f"{n:.0f}" for n in numbers), word, _settings(outcome))


def _settings(outcome: Outcome) -> str:
    return ", ".join(f"{name} {value}" for name, value in outcome.chosen.settings.items())


def _figures(outcome: Outcome) -> Mapping[str, Any]:
    told = {name: value for name, value in asdict(outcome).items() if name not in {"tool", "chosen"}}
    return {**told, "left_s": outcome.left_s, "kind": outcome.chosen.kind, "settings": dict(outcome.chosen.settings)}
