"""The band of scores in which a person looks: narrow, and yet both kinds of mistake outside it stay within limits.

Below `low` a part PASSes: of the true defects, no more than `max_miss` may lie there. From `high` on it FAILs: of the
parts, no more than `max_false_alarm` may have a place there where nothing is. Both are upper confidence bounds (exact,
Clopper and Pearson 1934), not the shares that this sample happens to show. Defects count one by one, not by part: real
parts have one, and a board with five would forgive four.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log

from scipy.stats import binomtest  # type: ignore[import-untyped]

from tools.calibrate.labelled import Part

_DIGITS = 1000


@dataclass(frozen=True)
class Wanted:
    """Shares 0..1, and how sure one wants to be of them."""

    max_miss: float
    max_false_alarm: float
    confidence: float


@dataclass(frozen=True)
class Count:
    """So many of so many."""

    number: int
    of: int
    upper: float
    """One-sided exact bound at the confidence that was asked for."""

    @property
    def share(self) -> float:
        return self.number / max(self.of, 1)

    def interval(self, confidence: float) -> tuple[float, float]:
        """The two-sided interval of the share, Wilson's."""
        if not self.of:
            return 0.0, 1.0
        found = binomtest(self.number, self.of).proportion_ci(confidence, "wilson")
        return float(found.low), float(found.high)


@dataclass(frozen=True)
class Band:
    """From `low` on INCONCLUSIVE, from `high` on FAIL."""

    low: float
    high: float
    missed: Count
    """Defects below the band."""
    false_alarms: Count
    """Parts with a place above the band where nothing is."""
    to_a_person: Count
    """Parts whose best score lies in the band."""
    good_to_a_person: Count
    """Parts that would go to a person without their defects: what a line sees that makes hardly any."""


def choose(parts: Sequence[Part], wanted: Wanted) -> Band:
    """The narrowest band that keeps both limits. Raises ValueError where too few defects or parts could show that."""
    found = sorted(score for part in parts for _, score in part.defects)
    alarms = sorted((part.false_alarm() for part in parts), reverse=True)
    low = _low(found, wanted)
    high = _high(alarms, wanted)
    if high <= low:  # the scores leave a gap: nobody has to look, and the middle of the gap is furthest from both
        low = high = floor((low + high) / 2 * _DIGITS) / _DIGITS
    return measured(parts, low, high, wanted.confidence)


def measured(parts: Sequence[Part], low: float, high: float, confidence: float) -> Band:
    """What a band does to these parts."""
    scores = [score for part in parts for _, score in part.defects]
    best = [max((place.score for place in part.places), default=0.0) for part in parts]
    false = [part.false_alarm() for part in parts]
    return Band(
        low,
        high,
        counted(sum(score < low for score in scores), len(scores), confidence),
        counted(sum(score >= high for score in false), len(parts), confidence),
        counted(sum(low <= score < high for score in best), len(parts), confidence),
        counted(sum(low <= score < high for score in false), len(parts), confidence),
    )


def counted(number: int, of: int, confidence: float) -> Count:
    """With its one-sided exact upper bound."""
    if not of:
        return Count(0, 0, 1.0)
    bound = binomtest(number, of, alternative="less").proportion_ci(confidence, "exact")
    return Count(number, of, float(bound.high))


def _low(found: Sequence[float], wanted: Wanted) -> float:
    misses = _most(len(found), wanted.max_miss, wanted.confidence, "defects", "--max-miss")
    worst = found[misses]
    if worst <= 0:
        unseen = sum(score <= 0 for score in found)
        raise ValueError(
            f"{unseen} of {len(found)} defects are named nowhere, at no score: no band finds them, "
            f"and --max-miss allows {misses}; fix: a better model, or a limit that it can keep"
        )
    return floor(worst * _DIGITS) / _DIGITS


def _high(alarms: Sequence[float], wanted: Wanted) -> float:
    allowed = _most(len(alarms), wanted.max_false_alarm, wanted.confidence, "parts", "--max-false-alarm")
    above = floor(alarms[allowed] * _DIGITS) + 1
    if above > _DIGITS:
        raise ValueError("places where nothing is have the score 1: no threshold helps; fix: a better model")
    return above / _DIGITS


def _most(of: int, limit: float, confidence: float, what: str, option: str) -> int:
    """The most events out of `of` whose exact upper bound still lies within the limit."""

    def fits(number: int) -> bool:
        return counted(number, of, confidence).upper <= limit

    if not fits(0):
        needed = ceil(log(1 - confidence) / log(1 - limit))
        raise ValueError(
            f"{of} {what} cannot show {option} {limit:g} at {confidence:.0%}: not even without a mistake; "
            f"fix: {needed} or more of them, or a higher limit"
        )
    number = 0
    while number + 1 < of and fits(number + 1):
        number += 1
    return number
