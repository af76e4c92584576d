"""Several crops made into one. Both channels always go together, so that what differs between them stays true."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from tools.boards.board import SIZE_PX, Image, Pair
from tools.train.assign import IGNORED
from tools.train.augment import Boxes
from tools.train.metrics import boxes_of

_SEEN, _GONE = 0.6, 0.03


@dataclass
class Crop:
    """Part and golden, uint8 [S, S] and our own to write in, with targets [N, 5] in their pixels."""

    part: Image
    golden: Image
    targets: Boxes


Source = Callable[[], Crop]


def within(targets: Boxes, low: tuple[float, float], high: tuple[float, float]) -> Boxes:
    """Targets as seen through a window of pixels `low`..`high` (x, y): kept where 60 % of the box is seen.

    Ignored down to 3 %, dropped below.
    """
    seen = targets.copy()
    seen[:, :4] = np.concatenate([targets[:, :2].clip(low, high), targets[:, 2:4].clip(low, high)], 1)
    share = _area(seen) / _area(targets)
    seen[share < _SEEN, 4] = IGNORED
    return seen[share > _GONE]


def mosaic(first: Crop, others: Source, rng: np.random.Generator) -> Crop:
    """Four crops around a random centre, each keeping its own corner."""
    last = first.part.shape[0] - 1
    x, y = (int(v) for v in rng.integers(last // 4, last - last // 4, 2))
    merged = first
    for low, high in (((x, 0), (last, y - 1)), ((0, y), (x - 1, last)), ((x, y), (last, last))):
        merged = _replaced(merged, others(), low, high)
    return merged


def cutmix(first: Crop, other: Crop, rng: np.random.Generator) -> Crop:
    """A random window of `other`, a tenth to a half of the crop's area."""
    size = first.part.shape[0]
    extent = (np.sqrt(rng.uniform(0.1, 0.5)) * size * np.ones(2)).astype(int)
    low = rng.integers(0, size - extent)
    return _replaced(first, other, tuple(low.tolist()), tuple((low + extent - 1).tolist()))


def mixup(first: Crop, other: Crop, rng: np.random.Generator) -> Crop:
    """Both crops half transparent, with the defects of both: `first` weighs 0.5 to 0.7."""
    weight = rng.uniform(0.5, 0.7)
    part, golden = (
        cv2.addWeighted(a, weight, b, 1 - weight, 0).astype(np.uint8, copy=False)
        for a, b in ((first.part, other.part), (first.golden, other.golden))
    )
    return Crop(part, golden, np.concatenate([first.targets, other.targets]))


def paste(crop: Crop, donor: Pair, rng: np.random.Generator) -> Crop:
    """A lone defect of `donor` with its surroundings copied into both channels, in place, where there is room."""
    found = boxes_of(donor)
    if not len(found):
        return crop
    pick = found[rng.integers(len(found))]
    margin = rng.integers(4, 11)
    x1, y1, x2, y2 = (int(v) for v in (pick[:4] + margin * np.array([-1, -1, 1, 1])).clip(0, SIZE_PX - 1))
    width, height, size = x2 - x1 + 1, y2 - y1 + 1, crop.part.shape[0]
    if max(width, height) >= size or _touching(found, x1, y1, x2, y2) > 1:
        return crop
    x, y = int(rng.integers(size - width)), int(rng.integers(size - height))
    if _touching(crop.targets, x, y, x + width, y + height):
        return crop
    for target, source in ((crop.part, donor.part), (crop.golden, donor.golden)):
        target[y : y + height, x : x + width] = source[y1 : y2 + 1, x1 : x2 + 1]
    moved = pick + np.array([x - x1, y - y1, x - x1, y - y1, 0], np.float32)
    return Crop(crop.part, crop.golden, np.concatenate([crop.targets, moved[None]]))


def _replaced(first: Crop, other: Crop, low: tuple[int, ...], high: tuple[int, ...]) -> Crop:
    """`first` with the window `low`..`high` (x, y; inclusive) of `other`."""
    (x1, y1), (x2, y2) = low, high
    window = slice(y1, y2 + 1), slice(x1, x2 + 1)
    hidden = first.targets.copy()
    inner = _area(_clipped(hidden, low, high)) / _area(hidden)
    hidden[inner > 1 - _SEEN, 4] = IGNORED
    hidden = hidden[inner < 1 - _GONE]
    for mine, theirs in ((first.part, other.part), (first.golden, other.golden)):
        mine[window] = theirs[window]
    return Crop(first.part, first.golden, np.concatenate([hidden, within(other.targets, (x1, y1), (x2, y2))]))


def _clipped(targets: Boxes, low: tuple[int, ...], high: tuple[int, ...]) -> Boxes:
    return np.concatenate([targets[:, :2].clip(low, high), targets[:, 2:4].clip(low, high)], 1)


def _area(boxes: Boxes) -> Boxes:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _touching(boxes: Boxes, x1: int, y1: int, x2: int, y2: int) -> int:
    hit = (boxes[:, 0] < x2) & (boxes[:, 2] > x1) & (boxes[:, 1] < y2) & (boxes[:, 3] > y1)
    return int(hit.sum())
