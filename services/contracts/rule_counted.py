"""Rules that count: runs, windows, CUSUM, shares of defective parts, a lot against its agreed rate."""

from typing import Literal

from pydantic import Field, model_validator

from services.contracts.mistake import Mistake
from services.contracts.rule_base import OnDefects, Quiet, Reset, Rising, Scope, Stopping
from services.contracts.strict import Share


class ConsecutiveRule(OnDefects, Stopping):
    """`k` defective parts in a row (k = 5 gives a false stop in 3.4 M parts at 5 %)."""

    kind: Literal["consecutive"]
    k: int = Field(ge=2, le=100)
    """How many in a row. INCONCLUSIVE and missing parts neither extend nor break a run."""


class KOfNRule(OnDefects, Stopping):
    """`k` defective parts among the last `n`: for a defect that comes and goes (3 of 10 warns, 4 of 20 holds)."""

    kind: Literal["k_of_n"]
    k: int = Field(ge=2, le=100)
    n: int = Field(ge=2, le=1_000)
    """The window, in parts."""

    @model_validator(mode="after")
    def _fits(self) -> "KOfNRule":
        if self.n < self.k:
            raise Mistake("n", f"a window of {self.n} cannot hold {self.k}", f"{self.k} or more")
        return self


class BernoulliCusumRule(OnDefects, Rising, Stopping):
    """The best for 100 % inspection: weighs every part as it comes (defaults: false alarm in 20,000 parts)."""

    kind: Literal["bernoulli_cusum"]
    p0: Share = Field(default=0.01, gt=0, lt=1)
    """The share of defective parts that is tolerated."""
    p1: Share = Field(default=0.05, gt=0, lt=1)
    """The share that must be detected soon."""
    h: float = Field(default=3.5, gt=1, le=100)
    """The limit: 3 falsely alarms in 8,200 parts, 3.5 in 20,000, 4 in 53,000 (at the default shares)."""


class _Subgroups(OnDefects, Quiet):
    reset_on: tuple[Reset, ...] = ("recipe",)
    quiet_parts: int = Field(default=2_000, ge=1, le=1_000_000)
    n_min: int | None = Field(default=None, ge=1, le=1_000_000)
    """Parts in a subgroup; none: the fewest with five expected defects."""
    limits: float = Field(default=3.0, gt=0, le=10)
    """In sigma."""
    sigma_z: float = Field(default=1.0, ge=1, le=100)
    """Laney's correction for shares that vary more than chance explains."""

    def enough(self, rate: float) -> None:
        """Raises Mistake when a subgroup is too small for normal limits."""
        least = -int(-round(5.0 / rate, 6) // 1)
        if self.n_min is not None and self.n_min < least:
            raise Mistake("n_min", "gives fewer than five expected defects in a subgroup", f"{least} or more, or none")


class PChartRule(_Subgroups):
    """The share of defective parts, subgroup by subgroup, against the share in control."""

    kind: Literal["p_chart"]
    p: float = Field(gt=0, lt=1)
    """The share of defective parts in control."""

    @model_validator(mode="after")
    def _enough(self) -> "PChartRule":
        self.enough(self.p)
        return self


class UChartRule(_Subgroups):
    """Defects per part, subgroup by subgroup; a part may have several."""

    kind: Literal["u_chart"]
    u: float = Field(gt=0, le=1_000)
    """Defects per part in control."""

    @model_validator(mode="after")
    def _enough(self) -> "UChartRule":
        self.enough(self.u)
        return self


class LotRateRule(OnDefects, Quiet):
    """A lot's lower confidence bound is above the agreed rate: evidence for the supplier."""

    kind: Literal["lot_rate"]
    by: tuple[Scope, ...] = Field(default=("station", "lot", "supplier"), min_length=1)
    reset_on: tuple[Reset, ...] = ()
    agreed_rate: float = Field(gt=0, lt=1)
    """What was agreed with the supplier; 500 ppm is 0.0005."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """One-sided."""
    n_min: int = Field(default=50, ge=1, le=1_000_000)
    """No verdict on a lot before so many parts."""
    method: Literal["wilson", "exact"] = "wilson"
    """Wilson's bound, which is exact below five defects anyway, or Clopper and Pearson's always."""

    @model_validator(mode="after")
    def _by_lot(self) -> "LotRateRule":
        if "lot" not in self.by:
            raise Mistake("by", "does not name the lot", "add lot")
        return self
