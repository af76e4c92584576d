"""From a score to the probability that there is a defect: isotonic regression (pool adjacent violators).

Only the order of scores is believed, nothing about their shape; so the fit never contradicts the ranking.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression  # type: ignore[import-untyped]

from tools.calibrate.labelled import Part, Place

Floats = NDArray[np.float64]
_FOLDS = 5


@dataclass(frozen=True)
class Fit:
    """A continuous curve through (score, probability) knots, level outside them."""

    scores: Floats
    probabilities: Floats

    @classmethod
    def of(cls, places: Sequence[Place]) -> "Fit":
        """The curve that fits these places best; equal scores are one point. Raises ValueError without a place."""
        if not places:
            raise ValueError("no place was ever named: there is nothing to fit")
        scores, inverse = np.unique([place.score for place in places], return_inverse=True)
        weights = np.bincount(inverse).astype(float)
        shares = np.bincount(inverse, weights=[place.right for place in places]) / weights
        return cls(scores, np.asarray(isotonic_regression(shares, weights=weights).x))

    def __call__(self, scores: Sequence[float]) -> Floats:
        """The probability that a place with this score is a defect."""
        return np.asarray(np.interp(scores, self.scores, self.probabilities))


@dataclass(frozen=True)
class Reliability:
    """Places that the curve had not seen: what it said of each, and whether it was right."""

    said: Floats
    right: NDArray[np.bool_]

    @property
    def brier(self) -> float:
        """Mean squared difference; 0 is perfect."""
        return float(np.mean((self.said - self.right) ** 2))

    @property
    def error(self) -> float:
        """Expected calibration error over ten bins of 0.1."""
        bins = np.minimum((self.said * 10).astype(int), 9)
        gaps = [abs(float(np.sum(self.said[bins == b]) - np.sum(self.right[bins == b]))) for b in range(10)]
        return sum(gaps) / len(self.said)


def cross_checked(parts: Sequence[Part]) -> Reliability:
    """Each fifth of the parts under the curve of the other four fifths: on its own data a curve flatters itself."""
    said, right = [], []
    for fold in range(_FOLDS):
        places = [place for index, part in enumerate(parts) if index % _FOLDS != fold for place in part.places]
        unseen = [place for part in parts[fold::_FOLDS] for place in part.places]
        if places and unseen:
            said.append(Fit.of(places)([place.score for place in unseen]))
            right += [place.right for place in unseen]
    return Reliability(np.concatenate([*said, np.zeros(0)]), np.array(right, bool))


def as_is(parts: Sequence[Part]) -> Reliability:
    """The same of the bare scores."""
    places = [place for part in parts for place in part.places]
    return Reliability(np.array([p.score for p in places]), np.array([p.right for p in places], bool))
