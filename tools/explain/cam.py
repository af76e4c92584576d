"""Gradient-weighted activations, box by box.

Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391) averages the gradients over the picture, which for a detector smears
over every other defect. Here each activation is multiplied by its own gradient (HiResCAM, Draelos and Carin 2020,
arXiv:2011.08891): what is bright really raised this box's score.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tools.boards.board import LABELS, Image
from tools.train.export import Decoded
from tools.train.metrics import suppress
from tools.train.model import STRIDE

FAINT = 0.15
"""Less heat than this is the background of every gradient: neither drawn nor counted."""
Heat = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Evidence:
    """A box, and float32 [640, 640] in 0..1: how much each pixel's surroundings raised its score."""

    label: str
    box: tuple[float, float, float, float]
    score: float
    heat: Heat

    @property
    def inside(self) -> float:
        """Share of the heat above `FAINT` that lies in the box: 0..1, and 0 where there is none."""
        x1, y1, x2, y2 = (max(0, round(side)) for side in self.box)
        heat = np.where(self.heat > FAINT, self.heat, 0)
        return float(heat[y1 : y2 + 1, x1 : x2 + 1].sum() / max(heat.sum(), 1e-9))


def explain(network: Decoded, images: Image, threshold: float, most: int = 16) -> list[Evidence]:
    """Evidence for the boxes at or above `threshold`, best first, at most `most`.

    `images` uint8 [2, 640, 640]: the part and its registered golden image.
    """
    pair = torch.from_numpy(images)[None].float()
    with torch.no_grad():
        found = suppress(network(pair)[0].numpy())
    found = found[found[:, 4] >= threshold][:most]
    early = network.network.s1(pair).detach().requires_grad_()
    logits = _onwards(network, early)
    return [_evidence(logits, early, row) for row in found.tolist()]


def _onwards(network: Decoded, early: Tensor) -> Tensor:
    """Class logits from the first stage's activations at stride 4, the finest that still knows shapes."""
    body = network.network
    first = body.s1
    body.s1 = torch.nn.Sequential()
    try:
        logits: Tensor = body.answer(body.features(early))[0]
    finally:
        body.s1 = first
    return logits


def _evidence(logits: Tensor, early: Tensor, row: list[float]) -> Evidence:
    *box, score, kind = row
    # Two cells with the very same score are two boxes in the same place.
    (cell,) = (logits[0, int(kind)].sigmoid() - score).abs().flatten().argsort()[:1].tolist()
    (gradient,) = torch.autograd.grad(logits[0, int(kind)].flatten()[cell], early, retain_graph=True)
    raised = (gradient * early).sum(1, keepdim=True).relu()
    size = logits.shape[-2] * STRIDE, logits.shape[-1] * STRIDE
    heat = functional.interpolate(raised, size, mode="bilinear")[0, 0].detach()
    heat = heat / heat.max().clamp_min(1e-9)
    return Evidence(LABELS[int(kind)], (box[0], box[1], box[2], box[3]), score, heat.numpy())
