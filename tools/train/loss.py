"""What the detector is punished for: wrong confidence and wrong boxes."""

import torch
from torch import Tensor
from torch.nn import functional

from tools.train.assign import IGNORED, assign, iou
from tools.train.config import Loss
from tools.train.model import boxes, centres

_CONFIDENCE_WEIGHT = 2.0


def detection_loss(logits: Tensor, sides: Tensor, targets: Tensor, plan: Loss | None = None) -> Tensor:
    """Quality focal loss (arXiv:2006.04388) plus generalised IoU loss, each divided by the total quality.

    `logits` [B, 6, h, w] and `sides` [B, 4, h, w] from the model, `targets` float32 [B, M, 5] as x1 y1 x2 y2 class in
    pixels, class -1 for padding and -2 for regions where any answer is right. Returns a scalar. `plan` may ask for
    focal loss (arXiv:1708.02002) instead, which wants full confidence in every assigned cell.
    """
    plan = plan or Loss()
    middles = centres(*sides.shape[-2:]).to(sides)
    flat = logits.float().flatten(2).transpose(1, 2)
    predicted = boxes(sides, middles)
    owner, quality = assign(flat.sigmoid(), predicted, middles, targets)
    chosen = torch.gather(targets, 1, owner.clamp_min(0)[..., None].expand(-1, -1, 5))
    total = quality.sum().clamp_min(1)

    hits = quality if plan.confidence == "quality" else (quality > 0).to(quality)
    wanted = torch.zeros_like(flat).scatter_(2, chosen[..., 4:].long().clamp_min(0), hits[..., None])
    focus = (flat.sigmoid() - wanted).abs() ** plan.gamma
    if plan.confidence == "focal":
        focus = focus * (plan.alpha * wanted + (1 - plan.alpha) * (1 - wanted))
    counted = ~_ignored(middles, targets) | (owner >= 0)
    confidence = (functional.binary_cross_entropy_with_logits(flat, wanted, reduction="none") * focus).sum(-1) * counted
    misfit = (1 - iou(predicted, chosen[..., :4])[1]) * quality
    return (_CONFIDENCE_WEIGHT * confidence.sum() + plan.box * misfit.sum()) / total


def _ignored(middles: Tensor, targets: Tensor) -> Tensor:
    """Cells inside an ignore region, bool [B, A]."""
    box = targets[:, :, None, :4]
    inside = (middles >= box[..., :2]).all(-1) & (middles <= box[..., 2:]).all(-1)
    return (inside & (targets[..., 4] == IGNORED)[..., None]).any(1)
