"""How sure a defect rate is: exact binomial intervals (Clopper and Pearson, Biometrika 26, 1934)."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from scipy.special import betaincinv  # type: ignore[import-untyped]

from tools.supplier.part import Part

CONFIDENCE = 0.95
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Tally:
    """Parts that were judged clearly, how many of them were defective, and those that nobody could judge."""

    inspected: int
    defective: int
    open: int = 0

    @property
    def rate(self) -> float:
        """0..1; 0 without a part."""
        return self.defective / self.inspected if self.inspected else 0.0

    def lower(self, confidence: float = CONFIDENCE) -> float:
        """One-sided lower bound, 0..1: with this confidence the true rate is not smaller."""
        if not self.defective:
            return 0.0
        return float(betaincinv(self.defective, self.inspected - self.defective + 1, 1 - confidence))

    def upper(self, confidence: float = CONFIDENCE) -> float:
        """One-sided upper bound, 0..1: with this confidence the true rate is not larger."""
        if self.defective == self.inspected:
            return 1.0
        return float(betaincinv(self.defective + 1, self.inspected - self.defective, confidence))

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Two-sided: between the two bounds with this confidence."""
        each = (1 + confidence) / 2
        return self.lower(each), self.upper(each)


def tally(parts: Iterable[Part]) -> Tally:
    """All of them together."""
    listed = list(parts)
    clear = [part for part in listed if part.defective is not None]
    return Tally(len(clear), sum(bool(part.defective) for part in clear), len(listed) - len(clear))


def tallies(parts: Iterable[Part], key: Callable[[Part], Key]) -> Mapping[Key, Tally]:
    """One tally for each value of `key`, in the order in which they come."""
    groups: dict[Key, list[Part]] = {}
    for part in parts:
        groups.setdefault(key(part), []).append(part)
    return {value: tally(group) for value, group in groups.items()}


def exceeding(groups: Mapping[Key, Tally], agreed: float, confidence: float = CONFIDENCE) -> list[Key]:
    """The groups that are worse than agreed, at this confidence for all of them together (Bonferroni).

    Of forty good lots two exceed their own 95 % bound by chance: whoever picks lots must ask each more strictly.
    """
    each = 1 - (1 - confidence) / max(len(groups), 1)
    return [value for value, group in groups.items() if group.lower(each) > agreed]
