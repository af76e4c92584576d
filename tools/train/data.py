"""Random training crops: number n depends on (seed, n) alone, so a resumed run sees what an unbroken one sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from tools.boards.board import SIZE_PX, Image, Pair
from tools.train.augment import Boxes, contrast, dihedral, mirror_roles, photometric
from tools.train.config import Data
from tools.train.metrics import boxes_of
from tools.train.mix import Crop, cutmix, mixup, mosaic, paste, within

Vector = NDArray[np.floating[Any]]

MAX_TARGETS = 48
"""Rows of the target tensor; unused ones have class -1."""


class Crops(Dataset[tuple[Tensor, Tensor]]):
    """Crops uint8 [2, size, size] (part, golden) with targets float32 [48, 5] as x1 y1 x2 y2 class.

    Class -1 is padding, -2 a defect cut off by the border so far that neither answer is right. `real` or `generated`
    may be empty. From number `calm_from` on nothing is mixed or discoloured. All pairs are held in memory.
    """

    def __init__(
        self, real: Sequence[Pair], generated: Sequence[Pair], plan: Data, *, seed: int, count: int, calm_from: int
    ) -> None:
        if not real and not generated:
            raise ValueError("no pairs to train on")
        self.real, self.generated, self.plan = list(real), list(generated), plan
        self.seed, self.count, self.calm_from = seed, count, calm_from
        self.generated_share = 1.0 if not real else plan.generated if generated else 0.0

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        draw = _Draw(self, np.random.default_rng((self.seed, index)), calm=index >= self.calm_from)
        images, targets = draw.sample()
        padded = np.full((MAX_TARGETS, 5), -1, np.float32)
        padded[: len(targets)] = targets[:MAX_TARGETS]
        return torch.from_numpy(images), torch.from_numpy(padded)


@dataclass
class _Draw:
    """One sample in the making."""

    crops: Crops
    rng: np.random.Generator
    calm: bool

    def sample(self) -> tuple[Image, Boxes]:
        plan, rng = self.crops.plan, self.rng
        crop = self._mixed(self._crop())
        part, golden, targets = mirror_roles(crop.part, crop.golden, crop.targets, rng, plan.roles)
        share = 0.0 if self.calm else plan.photometric
        images = np.stack([photometric(part, rng, share), photometric(golden, rng, share)])
        return dihedral(images, targets, rng)

    def _mixed(self, crop: Crop) -> Crop:
        plan, rng = self.crops.plan, self.rng
        if self.calm:
            return crop
        if rng.random() < plan.mosaic:
            crop = mosaic(crop, self._crop, rng)
        if rng.random() < plan.cutmix:
            crop = cutmix(crop, self._crop(), rng)
        if rng.random() < plan.mixup:
            crop = mixup(crop, self._crop(), rng)
        # Never onto a crop without any defect: clean pairs are there to teach silence.
        if len(crop.targets) and rng.random() < plan.copy_paste:
            for _ in range(rng.integers(1, 4)):
                crop = paste(crop, self._pair(), rng)
        return crop

    def _pair(self) -> Pair:
        crops, rng = self.crops, self.rng
        pool = crops.generated if rng.random() < crops.generated_share else crops.real
        return pool[rng.integers(len(pool))]

    def _crop(self) -> Crop:
        rng, size, pair = self.rng, self.crops.plan.crop_px, self._pair()
        truth, part, golden = boxes_of(pair), pair.part, pair.golden
        if rng.random() < self.crops.plan.clean:
            part = golden = golden if rng.random() < 0.7 else part
            truth = truth[:0]
        zoom = _zoom(rng)
        corner = _corner(truth, size / zoom, rng)
        drift = _drift(rng) if rng.random() < self.crops.plan.misaligned else np.zeros(2, np.float32)
        moved = truth.copy()
        moved[:, :4] = (truth[:, :4] + 0.5 - np.tile(corner, 2)) * np.tile(zoom, 2) - 0.5
        part, golden = _window(part, corner, zoom, size), _window(golden, corner + drift, zoom, size)
        return Crop(part, golden, within(moved, (0, 0), (size - 1, size - 1)))


def _zoom(rng: np.random.Generator) -> Vector:
    """Scale in x and y; up to 2.1, because cuts across wide conductors are long and rare."""
    if rng.random() >= 0.55:
        return np.ones(2, np.float32)
    scale, aspect = np.exp(rng.uniform(np.log(0.72), np.log(2.1))), rng.uniform(-0.16, 0.16)
    return np.asarray(scale * np.exp([aspect / 2, -aspect / 2]), np.float32)


def _corner(truth: Boxes, extent: Vector, rng: np.random.Generator) -> Vector:
    """Top left of a window of `extent` pixels; 70 % of the windows have a defect's centre well inside."""
    room = (SIZE_PX - extent).clip(0)
    if len(truth) and rng.random() < 0.7:
        box = truth[rng.integers(len(truth))]
        corner = (box[:2] + box[2:4]) / 2 - rng.uniform(0.1, 0.9, 2) * extent
    else:
        corner = rng.uniform(0, room)
    return np.asarray(np.rint(corner.clip(0, room)), np.float32)


def _drift(rng: np.random.Generator) -> Vector:
    """Displacement of the golden image in pixels: parts lie off by up to 5 px, often by a fraction."""
    reach = rng.choice([1, 2, 3, 5])
    drift = rng.uniform(-reach, reach, 2)
    return np.asarray(np.rint(drift) if rng.random() < 0.6 else drift, np.float32)


def _window(image: Image, corner: Vector, zoom: Vector, size: int) -> Image:
    (sx, sy), (ox, oy) = zoom.tolist(), (zoom * (0.5 - corner) - 0.5).tolist()
    matrix = np.array([[sx, 0, ox], [0, sy, oy]], np.float32)
    crop = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # Interpolation greys the edges of a bilevel image; the more it is magnified, the more must be undone.
    return contrast(crop.astype(np.uint8, copy=False), 1.3 * sx * sy, 128) if sx * sy > 1 else crop.astype(np.uint8)
