"""Our own boards in the look of DeepPCB: seeded, unlimited, with exact ground truth."""

from collections.abc import Sequence

import cv2
import numpy as np

from tools.boards.board import LABELS, SIZE_PX, Defect, Image, Pair
from tools.boards.flaws import Damage, Material, bite, cut, hole, spoil
from tools.boards.layout import layout
from tools.boards.scan import scan

_DAMAGES: dict[str, tuple[Damage, int]] = {
    "open": (cut, 1),
    "short": (cut, 0),
    "mousebite": (bite, 1),
    "spur": (bite, 0),
    "copper": (hole, 0),
    "pin-hole": (hole, 1),
}
"""Label: the damage, and the mask value (1 copper, 0 laminate) it is done to."""

_MAX_SHIFT_PX = 2
_MARGIN_PX = 10


def golden(seed: int) -> Image:
    """The golden image of board `seed`: uint8 [640, 640], copper 0, laminate 255."""
    return scan(layout(seed), np.random.default_rng((seed, 1)))


def pair(seed: int, labels: Sequence[str] | None = None, count: int | None = None, board: int | None = None) -> Pair:
    """Part number `seed` made after board `board` (default: board `seed`), next to its golden image.

    `labels` names the defects, one each; with `count`, that many are drawn from them; None means any of the six; an
    empty sequence makes a good part. The part lies 0 to 2 px off, with its own edge noise and JPEG artefacts. Boxes
    leave 10 px around the changed pixels, first and last one included, as DeepPCB's do. Raises ValueError for an
    unknown label, or when the board has no room for a defect.
    """
    board = seed if board is None else board
    rng = np.random.default_rng((seed, board, 2))
    copper, boxes = _damaged(layout(board), _choose(labels, count, rng), rng)
    dx, dy = (int(step) for step in rng.integers(-_MAX_SHIFT_PX, _MAX_SHIFT_PX + 1, 2))
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    moved = cv2.warpAffine(copper, move, (SIZE_PX, SIZE_PX), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    part = scan(moved.astype(np.uint8, copy=False), rng)
    defects = tuple(Defect(label, (x1 + dx, y1 + dy, x2 + dx, y2 + dy)) for label, (x1, y1, x2, y2) in boxes)
    return Pair(f"generated-{seed}", "generated", part, golden(board), defects)


def _choose(labels: Sequence[str] | None, count: int | None, rng: np.random.Generator) -> list[str]:
    names = LABELS if labels is None else tuple(labels)
    if unknown := set(names) - set(LABELS):
        raise ValueError(f"unknown defect {sorted(unknown)}; choose from {', '.join(LABELS)}")
    if labels is not None and count is None:
        return list(names)
    return [str(name) for name in rng.choice(names, int(rng.integers(3, 9)) if count is None else count)]


def _damaged(
    ideal: Image, labels: Sequence[str], rng: np.random.Generator
) -> tuple[Image, list[tuple[str, tuple[int, int, int, int]]]]:
    materials = {0: Material(1 - ideal), 1: Material(ideal)}
    free, copper = np.ones_like(ideal), ideal.copy()
    boxes = []
    for label in labels:
        damage, kind = _DAMAGES[label]
        lost, occupied = spoil(materials[kind], damage, free, rng)
        copper[lost > 0] = 1 - kind
        free[occupied > 0] = 0
        boxes.append((label, _box(lost)))
    return copper, boxes


def _box(lost: Image) -> tuple[int, int, int, int]:
    x, y, w, h = cv2.boundingRect(lost)
    low, high = _MAX_SHIFT_PX, SIZE_PX - 1 - _MAX_SHIFT_PX
    left, top = max(x - _MARGIN_PX, low), max(y - _MARGIN_PX, low)
    return left, top, min(x + w - 1 + _MARGIN_PX, high), min(y + h - 1 + _MARGIN_PX, high)
