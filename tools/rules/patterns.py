"""What Nelson's tests do, computed: each test's rate in closed form, their sets by a chain over zones.

A zone is the sign and the number of sigmas that a value is beyond (1, 2 or 3 for up to 1, up to 2, up to 3; 4 further
out). The chain's state is the last four zones, for tests 5 and 6, and the run on one side, for test 2.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from math import factorial

from tools.rules.exact import chain, normal

ZONES = (-4, -3, -2, -1, 1, 2, 3, 4)
_ZIGZAG_14 = 199_360_981
"""Euler's number of the alternating orders of fourteen values (OEIS A000111)."""

Zones = tuple[tuple[int, ...], int]


def rate(test: int) -> float:
    """Share of the values in control that complete a pattern, for one test."""
    beyond = {sigmas: 1 - normal(sigmas) for sigmas in (1, 2, 3)}
    p = beyond[1]
    return {
        1: 2 * beyond[3],
        2: 2 / 2**9,
        3: 2 / factorial(6),
        4: 2 * _ZIGZAG_14 / factorial(14),
        5: 2 * beyond[2] * (1 - (1 - beyond[2]) ** 2),
        6: 2 * p * (4 * p**3 * (1 - p) + p**4),
        7: (1 - 2 * p) ** 15,
        8: (2 * p) ** 8,
    }[test]


def run_length(tests: frozenset[int], shift: float) -> float:
    """Values until one of the tests, of 1, 2, 5 and 6, signals."""
    share = shares(shift)

    def moves(state: Hashable) -> Iterable[tuple[float, Hashable | None]]:
        assert isinstance(state, tuple)
        for zone in ZONES:
            following, signals = move(state, zone, tests)
            yield share[zone], None if signals else following

    return chain(((), 0), moves)


def joint_rate(tests: frozenset[int]) -> float:
    """Share of the values in control at which one of the tests, of 1, 2, 5 and 6, signals."""
    share = shares(0)
    now: dict[Zones, float] = {((), 0): 1.0}
    signalled = 0.0
    for _ in range(9):  # the longest pattern: from the ninth value on the rate is steady
        following: defaultdict[Zones, float] = defaultdict(float)
        signalled = 0.0
        for state, probability in now.items():
            for zone in ZONES:
                reached, signals = move(state, zone, tests)
                following[reached] += probability * share[zone]
                signalled += probability * share[zone] * signals
        now = following
    return signalled


def move(state: Zones, zone: int, tests: frozenset[int]) -> tuple[Zones, bool]:
    """The state after one more value, and whether a pattern is complete."""
    last, run = state
    side = 1 if zone > 0 else -1
    run = min(run + 1, 9) if last and last[-1] * side > 0 else 1
    outward = [z * side for z in (*last, zone)]
    signals = (
        (1 in tests and outward[-1] > 3)
        or (2 in tests and run == 9)
        or (5 in tests and outward[-1] > 2 and sum(z > 2 for z in outward[-3:]) >= 2)
        or (6 in tests and outward[-1] > 1 and sum(z > 1 for z in outward[-5:]) >= 4)
    )
    return ((*last, zone)[-4:], run), signals


def shares(shift: float) -> dict[int, float]:
    """Probability of each zone when the mean is `shift` sigma off."""
    edges = {-4: (-99, -3), -3: (-3, -2), -2: (-2, -1), -1: (-1, 0), 1: (0, 1), 2: (1, 2), 3: (2, 3), 4: (3, 99)}
    return {zone: normal(high - shift) - normal(low - shift) for zone, (low, high) in edges.items()}
