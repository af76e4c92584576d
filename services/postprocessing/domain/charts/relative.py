"""Values against those of the fresh tool: two tools of one kind differ by more than the wear that matters.

Feed force of 13 real turning tools: 278 to 417 N when fresh; at 1.4 times its own fresh force a tool had 128 to 235 µm
of flank wear, each of the ten that came so far (`jidoka toolwear`).
"""

from dataclasses import dataclass

from services.postprocessing.domain.charts.chart import Chart, Signal, State, demand


@dataclass(frozen=True)
class Relative:
    """Learns the mean of the first `fresh` values, then gives each later one to `chart` as a multiple of it.

    State: how many were learned, their sum, then that of `chart`.
    """

    chart: Chart
    fresh: int

    def __post_init__(self) -> None:
        demand(self.fresh >= 1, "fresh", "at least one value")

    def start(self) -> State:
        return (0.0, 0.0, *self.chart.start())

    def step(self, state: State, x: float, n: int = 1) -> tuple[State, Signal | None]:
        """`x` is one value in any unit; fresh values that add up to nothing are no basis: it learns from the next."""
        learned, total, *inner = state
        if learned < self.fresh:
            learned, total = learned + 1, total + x
            return (learned, total, *inner) if total or learned < self.fresh else self.start(), None
        after, signal = self.chart.step(tuple(inner), x * learned / total, n)
        return (learned, total, *after), signal
