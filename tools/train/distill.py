"""A small network learns from a larger one: what it answers, where, and what it looks at.

Soft answers at a temperature that falls during the run (Hinton et al. 2015, arXiv:1503.02531; annealed as by Jafari et
al. 2021, arXiv:2104.07163): hot, the teacher tells which cells are alike; cold, which one it chooses. Features by
attention transfer (Zagoruyko and Komodakis 2017, arXiv:1612.03928), which needs no layer between unlike widths.
"""

import torch
from torch import Tensor
from torch.nn import functional

from tools.train.assign import iou
from tools.train.config import Distillation
from tools.train.model import PairDetector, boxes, centres
from tools.train.state import averaged


def teacher(plan: Distillation, device: torch.device) -> "Teacher | None":
    """The teacher that the plan names, or none. Raises ValueError when its checkpoint is missing."""
    if plan.teacher is None:
        return None
    return Teacher(plan, averaged(plan.teacher)[0].to(device))


def temperature(plan: Distillation, progress: float) -> float:
    """Linear from the plan's temperature to 1; `progress` is 0..1."""
    return plan.temperature + (1 - plan.temperature) * progress


class Teacher:
    """The loss between a student and `network`, which itself does not learn."""

    def __init__(self, plan: Distillation, network: PairDetector) -> None:
        self.plan, self.network = plan, network.eval().requires_grad_(requires_grad=False)

    def __call__(self, images: Tensor, features: Tensor, logits: Tensor, sides: Tensor, progress: float) -> Tensor:
        """A scalar. `images` float32 [B, 2, H, W] in 0..255; the rest is the student's; `progress` is 0..1."""
        with torch.no_grad(), torch.autocast(images.device.type, torch.bfloat16):
            seen = self.network.features(images / 255)
            told, where = self.network.answer(seen)
        hot = temperature(self.plan, progress)
        weight = told.float().sigmoid()
        total = weight.sum().clamp_min(1)
        answers = _divergence(logits.float() / hot, told.float() / hot) * hot**2
        middles = centres(*sides.shape[-2:]).to(sides)
        apart = 1 - iou(boxes(sides, middles), boxes(where.float(), middles))[1]
        misfit = (apart * weight.amax(1).flatten(1)).sum() / total
        looks = (_attention(features.float()) - _attention(seen.float())).square().sum((1, 2)).mean()
        return self.plan.answers * answers.sum() / total + self.plan.boxes * misfit + self.plan.features * looks / 100


def _divergence(student: Tensor, told: Tensor) -> Tensor:
    """Binary Kullback-Leibler divergence per cell and class, weighted like focal loss by how far apart both are."""
    wanted = told.sigmoid()
    entropy = functional.binary_cross_entropy_with_logits(told, wanted, reduction="none")
    cross = functional.binary_cross_entropy_with_logits(student, wanted, reduction="none")
    return (cross - entropy) * (student.sigmoid() - wanted).abs()


def _attention(features: Tensor) -> Tensor:
    """Where the features are strong: [B, h, w] of length 1."""
    strength = features.square().mean(1)
    length: Tensor = strength.flatten(1).norm(dim=1).clamp_min(1e-6)
    return strength / length[:, None, None]
