"""Is anything looked at, and does it see? Parts without a verdict, and verdicts without a decision.

`MissingParts(m, window)` signals with m parts among the last `window` that nobody judged: rules that see no parts prove
nothing, and a line may not run on their silence. Counted as in `KOfN`; default 4 of 20.

`InconclusiveRate(p0, p1, h)` is the Bernoulli CUSUM on INCONCLUSIVE verdicts: dirt on a lens or a tired lamp raises
their share slowly, which a window misses and a CUSUM adds up. Default p0 = 2 %, p1 = 10 %, h = 4.

| chart | in control | out of control |
|---|---|---|
| `MissingParts()` | 0.1 % lost: 1.05 thousand million parts; 1 % lost: 128,000 | dead camera: 4 |
| `InconclusiveRate()` | 2 %: 28,500 parts | 10 %: 76; blind camera: 5 |
"""

from dataclasses import dataclass
from functools import cached_property

from services.postprocessing.domain.charts.bernoulli import BernoulliCusum
from services.postprocessing.domain.charts.chart import Signal, State, demand
from services.postprocessing.domain.charts.runs import KOfN


@dataclass(frozen=True)
class MissingParts:
    """`m` parts without a verdict among the last `window`. State as in `KOfN`."""

    m: int = 4
    window: int = 20

    def __post_init__(self) -> None:
        demand(self.m >= 1, "m", "at least one")
        demand(self.window >= self.m, "window", f"{self.window} parts cannot miss {self.m}: {self.m} or more")

    @cached_property
    def _counted(self) -> KOfN:
        return KOfN(self.m, self.window)

    def start(self) -> State:
        return ()

    def step(self, state: State, x: float, n: int = 1) -> tuple[State, Signal | None]:
        """`x` missing parts among `n`: a judged part is (0, 1), a gap of seven is (7, 7)."""
        state, signal = self._counted.step(state, x, n)
        return state, self._signal(state[0] + 1) if signal else None

    def _signal(self, parts: float) -> Signal:
        seen = f"{self.m} of the last {parts:.0f} parts have no verdict"
        return Signal(self.m, self.m, f"{seen}, where fewer than {self.m} of {self.window} are tolerated")


@dataclass(frozen=True)
class InconclusiveRate(BernoulliCusum):
    """The share of INCONCLUSIVE verdicts rises from `p0` to `p1`. State as in `BernoulliCusum`."""

    p0: float = 0.02
    p1: float = 0.10
    h: float = 4.0

    def _describe(self, parts: float, found: float) -> str:
        return f"{found:.0f} of the last {parts:.0f} verdicts are inconclusive, where {self.p0:.2%} is tolerated"
