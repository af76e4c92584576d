"""Where exactly a part differs: the sides of a box that the model proposes, moved to the pixels that changed.

A network tells that and what something is wrong to within a pixel or two; the difference image tells where to the very
pixel. Sides at which the difference ends are taken from it, the others stay the model's: a cut's ends, for example,
lie in the laminate, where nothing differs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Boxes = NDArray[np.floating[Any]]

_LEAST_PX = 8
"""Fewer changed pixels than this are an edge's wander, not a defect."""
_ROUNDS = 3


@dataclass(frozen=True)
class ExtentLimits:
    """A box leaves `margin_px` around its defect, as the labels do that the model learnt from.

    A side moves by `reach_px` at most: what is further away is another thing. `contrast` in grey levels.
    """

    margin_px: float
    reach_px: float
    contrast: int


def tighten(part: Image, golden: Image, boxes: Boxes, limits: ExtentLimits) -> Boxes:
    """`boxes` [N, 4] (x1 y1 x2 y2, whole numbers are the middles of pixels) with each side where the difference ends.

    `part` and the registered `golden` are uint8 [H, W].
    """
    tight = boxes.copy()
    for index, box in enumerate(boxes):
        found = _extent(part, golden, box, limits.contrast)
        if found is not None:
            wanted = found + limits.margin_px * np.array([-1, -1, 1, 1])
            near = np.abs(wanted - box) <= limits.reach_px
            tight[index, near] = wanted[near]
    return tight


def _extent(part: Image, golden: Image, box: Boxes, contrast: int) -> NDArray[np.float64] | None:
    """First and last changed column and row within `box`, or None where too little has changed."""
    height, width = part.shape
    x1, y1, x2, y2 = np.rint(box).astype(int).clip(0, [width - 1, height - 1] * 2).tolist()
    window = slice(y1, y2 + 1), slice(x1, x2 + 1)
    # Grey levels wrap in uint8: the larger minus the smaller does not.
    a, b = part[window], golden[window]
    changed = np.maximum(a, b) - np.minimum(a, b) >= contrast
    if changed.sum() < _LEAST_PX:
        return None
    rows, columns = (0, changed.shape[0] - 1), (0, changed.shape[1] - 1)
    for _ in range(_ROUNDS):  # each narrows the other down to the largest thing in the window
        columns = _run(changed[rows[0] : rows[1] + 1].sum(0))
        rows = _run(changed[:, columns[0] : columns[1] + 1].sum(1))
    return np.array([columns[0] + x1, rows[0] + y1, columns[1] + x1, rows[1] + y1], float)


def _run(counts: NDArray[np.integer[Any]]) -> tuple[int, int]:
    """First and last index of the unbroken run of non-zero counts with the largest sum."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], counts > 0, [0]]).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2] - 1
    total = np.concatenate([[0], np.cumsum(counts)])
    best = int((total[ends + 1] - total[starts]).argmax())
    return int(starts[best]), int(ends[best])
