"""Bernoulli CUSUM: the quickest chart for 100 % inspection, because it weighs every part as it comes.

S = max(0, S - g) + x, signal when S >= h; g = r1 / r2, r1 = -ln((1 - p1) / (1 - p0)), r2 = ln(p1 (1 - p0) / (p0
(1 - p1))). Reynolds and Stoumbos, Journal of Quality Technology 31(1), 1999. p0 is the tolerated share of defects, p1
the share to detect; with p0 = 1 % and p1 = 5 %, g = 1/40:

| h | in control, parts | at 5 % | at 20 % |
|---|---|---|---|
| 3 | 9,290 | 110 | 20 |
| 3.5 (default) | 21,000 | 129 | 21 |
| 4 | 48,500 | 149 | 25 |
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, log

from services.postprocessing.domain.charts.chart import Signal, State, demand


@dataclass(frozen=True)
class BernoulliCusum:
    """Detects a share of defects that rises from `p0` to `p1`; may hold a line.

    State: S in whole steps, then the parts and the defects since S last left zero, which date the change. Whole
    numbers, since the decision must not hang on how a hundred additions of 0.025 were rounded.
    """

    p0: float = 0.01
    p1: float = 0.05
    h: float = 3.5

    def __post_init__(self) -> None:
        demand(0 < self.p0 < 1, "p0", "a share between 0 and 1")
        demand(self.p0 < self.p1 < 1, "p1", f"a share above p0 = {self.p0:g} and below 1")
        demand(self.h > 1, "h", "more than 1, or a single defect signals")

    @cached_property
    def ratio(self) -> Fraction:
        """1/g: how many good parts outweigh one defect."""
        r1 = -log((1 - self.p1) / (1 - self.p0))
        r2 = log(self.p1 * (1 - self.p0) / (self.p0 * (1 - self.p1)))
        return Fraction(r2 / r1).limit_denominator(10)

    @cached_property
    def _steps(self) -> tuple[int, int, int]:
        up, down = self.ratio.as_integer_ratio()
        return up, down, ceil(round(self.h * up, 6))

    def start(self) -> State:
        return (0.0, 0.0, 0.0)

    def step(self, state: State, x: float, n: int = 1) -> tuple[State, Signal | None]:  # noqa: ARG002
        """`x` is 1 for a defective part and 0 for a good one."""
        up, down, limit = self._steps
        s, parts, defects = state
        s -= down
        if s <= 0:
            if not x:
                return (0.0, 0.0, 0.0), None
            return (up, 1.0, 1.0), None
        if not x:
            return (s, parts + 1, defects), self._signal(s, parts + 1, defects) if s >= limit else None
        s = min(s + up, limit + up)
        return (s, parts + 1, defects + 1), self._signal(s, parts + 1, defects + 1) if s >= limit else None

    def _signal(self, s: float, parts: float, defects: float) -> Signal:
        return Signal(s / self.ratio.numerator, self.h, self._describe(parts, defects))

    def _describe(self, parts: float, found: float) -> str:
        return f"{found:.0f} of the last {parts:.0f} parts are defective, where {self.p0:.2%} is tolerated"
