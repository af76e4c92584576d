"""Does a lot hold the agreed rate? Evidence for a supplier notice, which has to stand in front of the supplier.

Signals when the one-sided lower confidence bound of the lot's rate is above the agreed rate: Wilson's bound (JASA 22,
1927), or the exact one of Clopper and Pearson (Biometrika 26, 1934), always below 5 defects, where Wilson promises
too much: 12 of 300 Wilson 2.51 %, exact 2.32 %; 5 of 200 1.22 and 0.99 %; 3 of 50 2.42 and 1.66 %.

The confidence holds for one look, and a lot is looked at after every part. Measured share of lots of 1,000 parts with a
false notice, agreed rate 1 %, first look at 50 parts, and how soon a lot of 5 % is noticed:

| confidence, method | lot exactly at the agreed rate | at half of it | lot of 5 %, parts |
|---|---|---|---|
| 0.95, wilson (default) | 22 % | 1.7 % | 78 |
| 0.95, exact | 17 % | 1.5 % | 76 |
| 0.99, wilson | 10 % | 0.4 % | 94 |
| 0.99, exact | 4.5 % | 0.1 % | 98 |

Where a notice has a price, 0.99 exact costs 20 parts and keeps the promise of 5 % for the whole lot.
"""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Literal

from services.postprocessing.domain.charts.chart import Signal, State, demand

_WILSON_FROM = 5
"""Defects from which Wilson's approximation is good enough."""


def wilson_lower(defects: float, parts: float, confidence: float) -> float:
    """Wilson's one-sided lower bound of a share, 0..1."""
    z = NormalDist().inv_cdf(confidence)
    share, spread = defects / parts, z * z / parts
    root = z * sqrt(share * (1 - share) / parts + spread / (4 * parts))
    return max(0.0, (share + spread / 2 - root) / (1 + spread))


def exact_lower(defects: float, parts: float, confidence: float) -> float:
    """Clopper and Pearson's one-sided lower bound of a share, 0..1."""
    # Tens of milliseconds that a plant without lot rules must not pay.
    from scipy.special import betaincinv  # type: ignore[import-untyped]  # noqa: PLC0415

    return float(betaincinv(defects, parts - defects + 1, 1 - confidence)) if defects else 0.0


@dataclass(frozen=True)
class LotRate:
    """One lot against `agreed_rate`; a new lot starts again from `start()`. State: defects and parts."""

    agreed_rate: float
    confidence: float = 0.95
    n_min: int = 50
    method: Literal["wilson", "exact"] = "wilson"

    def __post_init__(self) -> None:
        demand(0 < self.agreed_rate < 1, "agreed_rate", "a share between 0 and 1; 500 ppm is 0.0005")
        demand(0.5 < self.confidence < 1, "confidence", "between 0.5 and 1, usually 0.95 or 0.99")
        demand(self.n_min >= 1, "n_min", "at least one part")
        demand(self.method in {"wilson", "exact"}, "method", "wilson or exact")

    def start(self) -> State:
        return (0.0, 0.0)

    def step(self, state: State, x: float, n: int = 1) -> tuple[State, Signal | None]:
        """`x` defective parts among `n`."""
        defects, parts = state = (state[0] + x, state[1] + n)
        # The bound is below the observed rate: most parts of a good lot end here, without any statistics.
        if parts < self.n_min or defects <= self.agreed_rate * parts:
            return state, None
        lower = self.lower(defects, parts)
        return state, self._signal(defects, parts, lower) if lower > self.agreed_rate else None

    def lower(self, defects: float, parts: float) -> float:
        """The bound that is compared with the agreed rate."""
        exact = self.method == "exact" or defects < _WILSON_FROM
        return (exact_lower if exact else wilson_lower)(defects, parts, self.confidence)

    def _signal(self, defects: float, parts: float, lower: float) -> Signal:
        counted = f"{defects:.0f} of {parts:.0f} parts are defective ({defects / parts:.2%})"
        sure = (
            f"with {self.confidence:.0%} confidence the lot has {lower:.3%} or more, agreed are {self.agreed_rate:.3%}"
        )
        return Signal(lower, self.agreed_rate, f"{counted}: {sure}")
