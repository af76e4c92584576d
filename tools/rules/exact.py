"""Average run lengths that are computed, each from the rule's definition and not from the chart that it checks.

Counting rules are Markov chains: L = 1 + Q L over the states short of a signal (Brook and Evans, Biometrika 59, 1972).
CUSUM and EWMA are integral equations, solved at Gauss-Legendre nodes (Crowder, Technometrics 29, 1987).
"""

from collections.abc import Callable, Hashable, Iterable
from fractions import Fraction
from math import ceil, comb, erf, exp, lgamma, log, sqrt

import numpy as np
from numpy.typing import NDArray

Moves = Callable[[Hashable], Iterable[tuple[float, Hashable | None]]]
"""Probability and next state of every move out of a state; None is the signal."""

_NODES = 80


def consecutive(k: int, p: float) -> float:
    """Parts until `k` in a row are defective: Feller's (1 - p^k) / ((1 - p) p^k)."""
    return (1 - p**k) / ((1 - p) * p**k)


def k_of_n(k: int, n: int, p: float) -> float:
    """Parts until `k` of the last `n` are defective; the state is the last n - 1 parts as bits."""
    window = (1 << (n - 1)) - 1

    def moves(last: Hashable) -> Iterable[tuple[float, Hashable | None]]:
        assert isinstance(last, int)
        yield 1 - p, last << 1 & window
        yield p, None if last.bit_count() == k - 1 else (last << 1 | 1) & window

    return chain(0, moves)


def bernoulli_cusum(ratio: Fraction, h: float, p: float) -> float:
    """Parts until S >= h, for g = 1 / `ratio`; the state is S in steps that divide both 1 and g."""
    up, down = ratio.as_integer_ratio()
    limit = ceil(h * up)

    def moves(s: Hashable) -> Iterable[tuple[float, Hashable | None]]:
        assert isinstance(s, int)
        good, bad = max(0, s - down), max(0, s - down) + up
        yield 1 - p, good
        yield p, None if bad >= limit else bad

    return chain(0, moves)


def chain(start: Hashable, moves: Moves) -> float:
    """Mean number of moves from `start` to the signal."""
    number: dict[Hashable, int] = {start: 0}
    todo, found = [start], []
    while todo:
        state = todo.pop()
        for probability, following in moves(state):
            if following is None:
                continue
            if following not in number:
                number[following] = len(number)
                todo.append(following)
            found.append((number[state], number[following], probability))
    system = np.eye(len(number))
    for row, column, probability in found:
        system[row, column] -= probability
    return float(np.linalg.solve(system, np.ones(len(number)))[0])


def cusum(k: float, h: float, shift: float) -> float:
    """Values until a two-sided CUSUM of z exceeds h: 1/L = 1/L+ + 1/L- (Van Dobben de Bruyn 1968)."""
    return 1 / (1 / _one_sided(k, h, shift) + 1 / _one_sided(k, h, -shift))


def _one_sided(k: float, h: float, shift: float) -> float:
    # L(u) = 1 + L(0) P(C = 0 | u) + integral of L(y) f(y | u) from 0 to h; the first unknown is L(0).
    at, weight = _nodes(0, h)
    start = np.concatenate(([0.0], at))[:, None]
    system = np.hstack([_below(k - shift - start), weight * _density(at + k - shift - start)])
    return float(np.linalg.solve(np.eye(len(start)) - system, np.ones(len(start)))[0])


def ewma(lam: float, limit: float, shift: float) -> float:
    """Values until the moving average exceeds `limit` sigma of itself."""
    bound = limit * sqrt(lam / (2 - lam))
    at, weight = _nodes(-bound, bound)
    start = np.concatenate(([0.0], at))[:, None]
    system = weight * _density((at - (1 - lam) * start) / lam - shift) / lam
    inside = np.linalg.solve(np.eye(_NODES) - system[1:], np.ones(_NODES))
    return float(1 + system[0] @ inside)


def _nodes(low: float, high: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    at, weight = np.polynomial.legendre.leggauss(_NODES)
    return (at + 1) * (high - low) / 2 + low, weight * (high - low) / 2


def _density(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.exp(-z * z / 2) / sqrt(2 * np.pi))


def _below(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.vectorize(normal)(z), dtype=np.float64)


def normal(z: float) -> float:
    """Probability that a standard normal value is below z."""
    return 0.5 * (1 + erf(z / sqrt(2)))


def binomial_outside(n: int, p: float, low: float, high: float) -> float:
    """Probability that the count of defective parts among n is outside [low, high]."""
    return 1 - sum(comb(n, d) * p**d * (1 - p) ** (n - d) for d in range(n + 1) if low <= d <= high)


def poisson_outside(mean: float, low: float, high: float) -> float:
    """Probability that a Poisson count is outside [low, high]."""
    return 1 - sum(exp(d * log(mean) - mean - lgamma(d + 1)) for d in range(int(high) + 1) if d >= low)
