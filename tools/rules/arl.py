"""The table of average run lengths: simulated with the charts, set against what is computed and published."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from rich.table import Table

from tools.rules.cases import Case, every
from tools.rules.simulate import Estimate, Normal, rate, run_lengths

_BATCHES_PER_RUN = 0.1
_HEAD = ("rule", "parameters", "condition", "published", "computed", "simulated [95 % CI]", "runs", "inside?")
_SOURCES = """\
Simulated is the mean number of parts or values until the first signal of the chart class that the plant runs, or, where
it says so, the signals in 1,000 values (a run is then a batch of 1,000). Computed is what the rule's definition gives
without that class: a closed form, a Markov chain or an integral equation (`tools/rules/exact.py`, `patterns.py`).
Inside says whether the simulation's interval holds the computed figure; of twenty honest 95 % intervals one does not.

Published: [1] Montgomery, *Introduction to Statistical Quality Control*, CUSUM; [2] the same, EWMA, after Lucas and
Saccucci, Technometrics 32, 1990; [3] Champ and Woodall, Technometrics 29, 1987. The share of defective parts is that of
true defects and false positives together: it is in control what the line and the model make of good parts."""


@dataclass(frozen=True)
class Row:
    """A case and what its simulation found."""

    case: Case
    found: Estimate

    @property
    def inside(self) -> bool:
        return self.found.holds(self.case.computed)

    @property
    def cells(self) -> tuple[str, ...]:
        case, found = self.case, self.found
        unit = " of 1,000" if case.per_thousand else ""
        simulated = f"{_digits(found.mean)} [{_digits(found.low)}, {_digits(found.high)}]"
        runs, inside = f"{found.runs:,}", "yes" if self.inside else "no"
        head = (case.rule, case.parameters, case.condition, case.published)
        return (*head, _digits(case.computed) + unit, simulated, runs, inside)


def simulate(runs: int, seed: int, cases: Iterable[Case] | None = None) -> Iterator[Row]:
    """Every case with a random stream of its own, so that none changes when another is added after it."""
    for number, case in enumerate(every() if cases is None else cases):
        rng = np.random.default_rng([seed, number])
        count = min(runs, case.at_most)
        if case.per_thousand:
            assert isinstance(case.feed, Normal)
            yield Row(case, rate(case.chart, case.feed, max(2, round(count * _BATCHES_PER_RUN)), rng))
        else:
            yield Row(case, run_lengths(case.chart, case.feed, count, rng))


def as_table(rows: Iterable[Row]) -> Table:
    """For a terminal."""
    table = Table(*_HEAD)
    for row in rows:
        table.add_row(*row.cells, style="" if row.inside else "yellow")
    return table


def as_markdown(rows: list[Row], runs: int, seed: int) -> str:
    """For the docs."""
    lines = ["| " + " | ".join(_HEAD) + " |", "|" + "---|" * len(_HEAD)]
    lines += ["| " + " | ".join(row.cells) + " |" for row in rows]
    command = f"`jidoka rules arl --runs {runs} --seed {seed}`"
    table = "\n".join(lines)
    return f"# Average run lengths\n\n{command}: {summary(rows)}.\n\n{_SOURCES}\n\n{table}\n"


def summary(rows: list[Row]) -> str:
    """How many intervals hold the computed figure."""
    return f"{sum(row.inside for row in rows)} of {len(rows)} computed figures inside the simulation's interval"


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
