"""The order of the boards: mostly good, some bad, and one stretch in which a defect keeps coming back until we stop."""

import random
from dataclasses import dataclass

from tools.demo.boards import Board, Source

_BAD_SHARE = 0.15
_WRONG = 40
"""Different boards with the repeated defect; the machine makes them over and over until it is stopped."""


@dataclass(frozen=True)
class Script:
    """What comes before the machine goes wrong, what it makes then, and what comes after it was mended."""

    before: list[Board]
    wrong: list[Board]
    after: list[Board]


def write(source: Source, boards: int, seed: int) -> Script:
    """A script of about `boards` boards; a bad one is always followed by a good one, so only the stretch can fire."""
    rng = random.Random(seed)
    kinds: list[bool] = []
    while len(kinds) < boards:
        kinds.append(rng.random() < _BAD_SHARE and not (kinds and kinds[-1]))
    turn = max(1, boards * 3 // 5)
    kinds[turn - 1] = False
    drawn = [source.bad(n) if bad else source.good(n) for n, bad in enumerate(kinds)]
    wrong = [source.repeated(boards + n) for n in range(_WRONG)]
    return Script(drawn[:turn], wrong, drawn[turn:])
