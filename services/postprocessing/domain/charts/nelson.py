"""Nelson's eight tests for a measured value: patterns that chance rarely makes. Warnings, never a stop on their own.

Nelson, Journal of Quality Technology 16(4), 1984; tests 1, 5 and 6 are of the Western Electric handbook, 1956. A test
signals at the value that completes its pattern, so that no pattern is counted again by a harmless value after it.

| test | pattern | of 1,000 values in control |
|---|---|---|
| 1 | beyond 3 sigma | 2.7 |
| 2 | nine on one side of the mean | 3.9 |
| 3 | six rising or falling | 2.8 |
| 4 | fourteen alternating | 4.6 |
| 5 | two of three beyond 2 sigma on one side | 2.0 |
| 6 | four of five beyond 1 sigma on one side | 4.5 |
| 7 | fifteen within 1 sigma | 3.3 |
| 8 | eight beyond 1 sigma on either side | 0.10 |

The default set 1, 2, 5, 6: 12.7 of 1,000; a first false alarm after 109 values, a shift of 1 sigma after 9.7, of 2
after 3.1. Each further test adds alarms faster than insight.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from services.postprocessing.domain.charts.chart import Signal, State, demand


def _one_side(z: State) -> bool:
    return all(v > 0 for v in z) if z[-1] > 0 else all(v < 0 for v in z)


def _monotonic(z: State) -> bool:
    return all(b > a for a, b in pairwise(z)) if z[-1] > z[-2] else all(b < a for a, b in pairwise(z))


def _alternating(z: State) -> bool:
    return all((b - a) * (c - b) < 0 for a, b, c in zip(z, z[1:], z[2:], strict=False))


def _beyond(z: State, sigmas: float, needed: int) -> bool:
    if -sigmas <= z[-1] <= sigmas:
        return False
    return sum(v > sigmas for v in z) >= needed if z[-1] > 0 else sum(v < -sigmas for v in z) >= needed


@dataclass(frozen=True)
class _Pattern:
    """Looked for among the newest `width` values, from `fewest` on."""

    width: int
    fewest: int
    detail: str
    holds: Callable[[State], bool]


PATTERNS = {
    1: _Pattern(1, 1, "a value is beyond 3 sigma", lambda z: not -3 <= z[-1] <= 3),
    2: _Pattern(9, 9, "nine values in a row lie on one side of the mean", _one_side),
    3: _Pattern(6, 6, "six values in a row rise or fall", _monotonic),
    4: _Pattern(14, 14, "fourteen values in a row alternate", _alternating),
    5: _Pattern(3, 2, "two of three values are beyond 2 sigma on one side", lambda z: _beyond(z, 2, 2)),
    6: _Pattern(5, 4, "four of five values are beyond 1 sigma on one side", lambda z: _beyond(z, 1, 4)),
    7: _Pattern(15, 15, "fifteen values in a row lie within 1 sigma", lambda z: all(-1 < v < 1 for v in z)),
    8: _Pattern(8, 8, "eight values in a row are beyond 1 sigma", lambda z: all(not -1 <= v <= 1 for v in z)),
}


@dataclass(frozen=True)
class Nelson:
    """Any set of the eight tests. State: the newest values in sigma, as many as the longest test needs."""

    mean: float
    sigma: float
    rules: tuple[int, ...] = (1, 2, 5, 6)

    def __post_init__(self) -> None:
        demand(self.sigma > 0, "sigma", "more than 0; learn it from good values")
        demand(bool(self.rules), "rules", "at least one test, 1 to 8")
        demand(set(self.rules) <= PATTERNS.keys(), "rules", f"there are tests 1 to 8, not {sorted(self.rules)}")

    @cached_property
    def _plan(self) -> tuple[tuple[int, _Pattern], ...]:
        return tuple((number, PATTERNS[number]) for number in sorted(set(self.rules)))

    @cached_property
    def _kept(self) -> int:
        return max(pattern.width for _, pattern in self._plan) - 1

    def start(self) -> State:
        return ()

    def step(self, state: State, x: float, n: int = 1) -> tuple[State, Signal | None]:  # noqa: ARG002
        """`x` is one value in the unit of `mean`; of several patterns the first by number is told."""
        z = (*state, (x - self.mean) / self.sigma)
        kept = z[1:] if len(z) > self._kept else z
        for number, pattern in self._plan:
            if len(z) >= pattern.fewest and pattern.holds(z[-pattern.width :]):
                detail = f"Nelson test {number}: {pattern.detail} (newest {z[-1]:+.2f} sigma)"
                return kept, Signal(z[-1], float(number), detail)
        return kept, None
