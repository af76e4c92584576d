"""Changes that a pair may undergo without changing what is wrong with it, on uint8 crops of both channels."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.boards.board import Image
from tools.boards.scan import jpeg

Boxes = NDArray[np.float32]
"""Targets [N, 5]: x1 y1 x2 y2 in pixels and the class index."""


def mirror_roles(
    part: Image, golden: Image, targets: Boxes, rng: np.random.Generator, share: float = 1.0
) -> tuple[Image, Image, Boxes]:
    """Copper for laminate, part for golden, or both: each single swap turns a defect class into its opposite.

    Opposites (open and short, mousebite and spur, copper and pin-hole) are neighbours in LABELS, so the class
    index flips its lowest bit; two swaps cancel out.
    """
    if rng.random() >= share:
        return part, golden, targets
    kind = rng.choice(["negative", "exchanged", "both"])
    if kind != "exchanged":
        part, golden = 255 - part, 255 - golden
    if kind != "negative":
        part, golden = golden, part
    if kind != "both":
        targets = targets.copy()
        real = targets[:, 4] >= 0
        targets[real, 4] = targets[real, 4].astype(int) ^ 1
    return part, golden, targets


def photometric(image: Image, rng: np.random.Generator, share: float = 1.0) -> Image:
    """What another camera or another threshold would have made of it: a pixel of copper more or less, JPEG, noise."""
    if rng.random() >= share:
        return image
    kind = rng.random()
    if kind < 0.8:
        image = blurred(image, rng.uniform(0.6, 1.6))
    if kind < 0.6:
        image = contrast(image, rng.uniform(3, 8), rng.uniform(70, 185))
    if kind >= 0.8:
        image = jpeg(image, int(rng.integers(30, 96)))
    if rng.random() < 0.25:
        image = contrast(image, rng.uniform(0.5, 1.0), rng.uniform(90, 165))
    if rng.random() < 0.25:
        noise = rng.normal(0, rng.uniform(2, 14), image.shape)
        image = (image + noise).clip(0, 255).astype(np.uint8)
    return image


def blurred(image: Image, sigma_px: float) -> Image:
    """Gaussian blur."""
    return cv2.GaussianBlur(image, (0, 0), sigma_px).astype(np.uint8, copy=False)


def contrast(image: Image, gain: float, pivot: float) -> Image:
    """Grey values spread by `gain` around `pivot`, which lands on 128; a high gain is a soft threshold."""
    table = ((np.arange(256) - pivot) * gain + 128).clip(0, 255).astype(np.uint8)
    return table[image]


def dihedral(images: Image, targets: Boxes, rng: np.random.Generator) -> tuple[Image, Boxes]:
    """One of the eight flips and quarter turns of a square stack [C, S, S] and its targets."""
    last = images.shape[-1] - 1
    targets = targets.copy()
    if rng.random() < 0.5:
        images, targets[:, [0, 2]] = images[:, :, ::-1], last - targets[:, [2, 0]]
    if rng.random() < 0.5:
        images, targets[:, [1, 3]] = images[:, ::-1], last - targets[:, [3, 1]]
    if rng.random() < 0.5:
        images, targets[:, :4] = images.transpose(0, 2, 1), targets[:, [1, 0, 3, 2]]
    return np.ascontiguousarray(images), targets
