"""Random training crops: number n depends on (seed, n) alone, so a resumed run sees what an unbroken one sees."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from tools.boards.board import SIZE_PX, Image, Pair
from tools.train.assign import IGNORED
from tools.train.augment import Boxes, contrast, dihedral, mirror_roles, photometric
from tools.train.metrics import boxes_of

Vector = NDArray[np.floating[Any]]

MAX_TARGETS = 32
"""Rows of the target tensor; unused ones have class -1."""


class Crops(Dataset[tuple[Tensor, Tensor]]):
    """Crops uint8 [2, size, size] (part, golden) with targets float32 [32, 5] as x1 y1 x2 y2 class.

    Class -1 is padding, -2 a defect cut off by the border so far that neither answer is right. `generated_share` of the
    crops come from `generated`, the rest from `real`; either may be empty. All pairs are held in memory.
    """

    def __init__(
        self,
        real: Sequence[Pair],
        generated: Sequence[Pair],
        *,
        count: int,
        seed: int,
        generated_share: float = 0.2,
        size: int = 320,
    ) -> None:
        if not real and not generated:
            raise ValueError("no pairs to train on")
        self.real, self.generated = list(real), list(generated)
        self.count, self.seed, self.size = count, seed, size
        self.generated_share = 1.0 if not real else generated_share if generated else 0.0

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng((self.seed, index))
        part, golden, targets = self._crop(rng)
        part, golden, targets = mirror_roles(part, golden, targets, rng)
        images = np.stack([photometric(part, rng), photometric(golden, rng)])
        images, targets = dihedral(images, targets, rng)
        padded = np.full((MAX_TARGETS, 5), -1, np.float32)
        padded[: len(targets)] = targets[:MAX_TARGETS]
        return torch.from_numpy(images), torch.from_numpy(padded)

    def _pair(self, rng: np.random.Generator) -> Pair:
        pool = self.generated if rng.random() < self.generated_share else self.real
        return pool[rng.integers(len(pool))]

    def _crop(self, rng: np.random.Generator) -> tuple[Image, Image, Boxes]:
        pair = self._pair(rng)
        truth = boxes_of(pair)
        part, golden = pair.part, pair.golden
        if rng.random() < 0.12:
            part = golden = golden if rng.random() < 0.7 else part
            truth = truth[:0]
        zoom = _zoom(rng)
        corner = _corner(truth, self.size / zoom, rng)
        drift = _drift(rng)
        part, golden = _window(part, corner, zoom, self.size), _window(golden, corner + drift, zoom, self.size)
        targets = _visible(truth, corner, zoom, self.size)
        if len(truth) and rng.random() < 0.35:
            for _ in range(rng.integers(1, 4)):
                targets = _paste(part, golden, targets, self._pair(rng), rng)
        return part, golden, targets


def _zoom(rng: np.random.Generator) -> Vector:
    """Scale in x and y; up to 2.1, because cuts across wide conductors are long and rare."""
    if rng.random() >= 0.55:
        return np.ones(2, np.float32)
    scale, aspect = np.exp(rng.uniform(np.log(0.72), np.log(2.1))), rng.uniform(-0.16, 0.16)
    return np.asarray(scale * np.exp([aspect / 2, -aspect / 2]), np.float32)


def _corner(truth: Boxes, extent: Vector, rng: np.random.Generator) -> Vector:
    """Top left of a window of `extent` pixels; 70 % of the windows have a defect's centre well inside."""
    if len(truth) and rng.random() < 0.7:
        box = truth[rng.integers(len(truth))]
        corner = (box[:2] + box[2:4]) / 2 - rng.uniform(0.1, 0.9, 2) * extent
    else:
        corner = rng.uniform(0, SIZE_PX - extent)
    return np.asarray(np.rint(corner.clip(0, SIZE_PX - extent)), np.float32)


def _drift(rng: np.random.Generator) -> Vector:
    """Displacement of the golden image in pixels: parts lie off by up to 5 px, often by a fraction."""
    if rng.random() < 0.5:
        return np.zeros(2, np.float32)
    reach = rng.choice([1, 2, 3, 5])
    drift = rng.uniform(-reach, reach, 2)
    return np.asarray(np.rint(drift) if rng.random() < 0.6 else drift, np.float32)


def _window(image: Image, corner: Vector, zoom: Vector, size: int) -> Image:
    (sx, sy), (ox, oy) = zoom.tolist(), (zoom * (0.5 - corner) - 0.5).tolist()
    matrix = np.array([[sx, 0, ox], [0, sy, oy]], np.float32)
    crop = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # Interpolation greys the edges of a bilevel image; the more it is magnified, the more must be undone.
    return contrast(crop.astype(np.uint8, copy=False), 1.3 * sx * sy, 128) if sx * sy > 1 else crop.astype(np.uint8)


def _visible(truth: Boxes, corner: Vector, zoom: Vector, size: int) -> Boxes:
    """Targets in the crop's pixels: kept where 60 % of the box is seen, ignored down to 3 %, dropped below."""
    moved = truth.copy()
    moved[:, :4] = (truth[:, :4] - np.tile(corner, 2)) * np.tile(zoom, 2)
    clipped = moved.copy()
    clipped[:, :4] = moved[:, :4].clip(0, size)
    seen = _area(clipped) / _area(moved)
    clipped[seen < 0.6, 4] = IGNORED
    return clipped[seen > 0.03]


def _area(boxes: Boxes) -> Vector:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _paste(part: Image, golden: Image, targets: Boxes, donor: Pair, rng: np.random.Generator) -> Boxes:
    """Copies a lone defect of `donor` and its surroundings into both channels, in place; the targets with it added."""
    found = boxes_of(donor)
    if not len(found):
        return targets
    pick = found[rng.integers(len(found))]
    margin = rng.integers(4, 11)
    x1, y1, x2, y2 = (int(v) for v in (pick[:4] + margin * np.array([-1, -1, 1, 1])).clip(0, SIZE_PX))
    width, height = x2 - x1, y2 - y1
    if max(width, height) >= part.shape[0] or _touching(found, x1, y1, x2, y2) > 1:
        return targets
    x, y = int(rng.integers(part.shape[1] - width)), int(rng.integers(part.shape[0] - height))
    if _touching(targets, x, y, x + width, y + height):
        return targets
    for crop, source in ((part, donor.part), (golden, donor.golden)):
        crop[y : y + height, x : x + width] = source[y1:y2, x1:x2]
    moved = pick + np.array([x - x1, y - y1, x - x1, y - y1, 0], np.float32)
    return np.concatenate([targets, moved[None]])


def _touching(boxes: Boxes, x1: int, y1: int, x2: int, y2: int) -> int:
    hit = (boxes[:, 0] < x2) & (boxes[:, 2] > x1) & (boxes[:, 1] < y2) & (boxes[:, 3] > y1)
    return int(hit.sum())
