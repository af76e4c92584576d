"""Runs and windows of defective parts: the rules that may hold a line, because people can check them by counting.

| chart | in control | out of control |
|---|---|---|
| `Consecutive(k)`: ARL0 = (1 - p^k) / ((1 - p) p^k) | p = 5 %: k=3 8,420 parts, k=5 3.4 million | p = 50 %: k=5 62 |
| `KOfN(k, n)`: k in the last n | p = 2 %: 3/10 4,280 parts, 4/20 9,890 | p = 20 %: 20, 23; p = 50 %: 6, 8 |

p is the share of true defects and false positives together. Formula: Feller 1968, XIII.7; exact values for every window
by a Markov chain over the last n - 1 parts. Defaults: k=5 holds and k=3 warns; 3 of 10 warns, 4 of 20 holds.
"""

from dataclasses import dataclass

from services.postprocessing.domain.charts.chart import Signal, State, demand


@dataclass(frozen=True)
class Consecutive:
    """`k` defective parts in a row. State: the length of the run, counted up to k."""

    k: int = 5

    def __post_init__(self) -> None:
        demand(self.k >= 1, "k", "a run has at least one part")

    def start(self) -> State:
        return (0.0,)

    def step(self, state: State, x: float, n: int = 1) -> tuple[State, Signal | None]:  # noqa: ARG002
        """`x` is 1 for a defective part and 0 for a good one."""
        if not x:
            return (0.0,), None
        run = min(state[0] + 1, self.k)
        return (run,), Signal(run, self.k, f"{self.k} parts in a row are defective") if run == self.k else None


@dataclass(frozen=True)
class KOfN:
    """`k` defective parts among the last `n`. State: how many parts ago the newest k of those in the window were."""

    k: int = 4
    n: int = 20

    def __post_init__(self) -> None:
        demand(self.k >= 1, "k", "at least one")
        demand(
            self.n >= self.k, "n", f"a window of {self.n} parts cannot hold {self.k} defective ones: {self.k} or more"
        )

    def start(self) -> State:
        return ()

    def step(self, state: State, x: float, n: int = 1) -> tuple[State, Signal | None]:
        """`x` defective parts among `n`: they count as the newest of them, which is exact for n = 1 and for a gap."""
        if not state and not x:
            return (), None
        ages = [age + n for age in state if age + n < self.n]
        ages.extend(range(min(int(x), self.k) - 1, -1, -1))
        state = tuple(ages[-self.k :])
        return state, self._signal(state[0] + 1) if len(state) == self.k else None

    def _signal(self, parts: float) -> Signal:
        return Signal(self.k, self.k, self._describe(parts))

    def _describe(self, parts: float) -> str:
        return (
            f"{self.k} of the last {parts:.0f} parts are defective, where fewer than {self.k} of {self.n} are tolerated"
        )
