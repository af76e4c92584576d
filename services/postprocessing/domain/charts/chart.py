"""What every chart is: parameters that make sense, a small flat state, and one step per part.

A chart never keeps its state itself, so the fold that drives it can checkpoint, replay and partition it at will.
"""

from dataclasses import dataclass
from typing import Protocol

State = tuple[float, ...]
"""Flat and JSON-plain, and of a size that the chart's parameters bound."""


@dataclass(frozen=True)
class Signal:
    """A chart's alarm: the statistic, the limit it crossed, and one sentence for people with the numbers in it."""

    statistic: float
    limit: float
    detail: str


class Chart(Protocol):
    """A frozen dataclass of its parameters; building one raises ValueError that begins with the field at fault.

    A signal leaves the state as it is: the chart goes on signalling while the condition holds. Whoever acts on a signal
    starts again from `start()`, as after a resume, a new recipe or a new lot.
    """

    def start(self) -> State:
        """The state before the first part."""
        ...

    def step(self, state: State, x: float, n: int = 1) -> tuple[State, Signal | None]:
        """Take one observation in: 0 or 1 for a defect, a measured value, or a count of defects in `n` units."""
        ...


def demand(sensible: bool, field: str, fix: str) -> None:
    """Raise ValueError `field: fix` unless `sensible`."""
    if not sensible:
        raise ValueError(f"{field}: {fix}")
