"""What a pair of board images is, wherever it came from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIZE_PX = 640
"""Edge length of every board image, in pixels."""

LABELS = ("open", "short", "mousebite", "spur", "copper", "pin-hole")
"""Defect classes in DeepPCB's order: type 1..6 of its label files is index 0..5 here."""

Image = NDArray[np.uint8]


class BoardError(ValueError):
    """A board file cannot be used; the message starts with `file:line:`."""


@dataclass(frozen=True)
class Defect:
    """One flaw of a part: its class name and box x1 y1 x2 y2 in pixels of the part's image."""

    label: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Pair:
    """A part and the golden board it should look like, both uint8 [640, 640]: copper 0, laminate 255."""

    name: str
    group: str
    part: Image
    golden: Image
    defects: tuple[Defect, ...]
