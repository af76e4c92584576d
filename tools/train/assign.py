"""Which output cell answers for which defect: task-aligned soft assignment (TOOD, arXiv:2108.07755)."""

import torch
from torch import Tensor

IGNORED = -2
"""Class of a target box inside which nothing is right or wrong; -1 is padding."""

_REACH_PX, _SIGMA_PX, _SLACK_PX = 18.0, 16.0, 4.0
_TOP, _FLOOR = 8, 0.3


def iou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU (Rezatofighi et al. 2019, arXiv:1902.09630) of broadcastable boxes [..., 4]."""
    inner = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp_min(0).prod(-1)
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - inner
    overlap = inner / (union + 1e-6)
    return overlap, overlap - (hull - union) / (hull + 1e-6)


@torch.no_grad()
def assign(scores: Tensor, predicted: Tensor, middles: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Picks up to 8 cells per defect, the ones that already do best at both class and box.

    `scores` [B, A, C] in 0..1, `predicted` [B, A, 4], `middles` [A, 2] and `targets` [B, M, 5] (x1 y1 x2 y2 class) in
    pixels. Returns `owner` int64 [B, A], the index of the target or -1, and `quality` float32 [B, A]: 0 where no owner,
    else the soft target, at least 0.3 at each defect's best cell.
    """
    box, label = targets[:, :, None, :4], targets[..., 4].long()
    overlap = iou(box, predicted[:, None])[0]
    score = torch.gather(scores.transpose(1, 2), 1, label.clamp_min(0)[..., None].expand_as(overlap))
    offset = middles - (box[..., :2] + box[..., 2:]) / 2
    distance = offset.norm(dim=-1)
    within = (offset.abs() <= (box[..., 2:] - box[..., :2]) / 2 + _SLACK_PX).all(-1) & (distance <= _REACH_PX)
    metric = (score + 1e-9) ** 0.75 * (overlap**4 + 1e-9) * torch.exp(-(distance**2) / 2 / _SIGMA_PX**2)
    metric = metric * (within & (label >= 0)[..., None])
    last = metric.topk(_TOP, -1).values[..., -1:]
    metric = torch.where(metric >= last, metric, 0)
    best, owner = metric.max(1)
    mine = torch.zeros_like(metric).scatter_(1, owner[:, None], best[:, None])
    peak = mine.amax(-1)
    reach = torch.where(mine > 0, overlap, 0).amax(-1).clamp_min(_FLOOR)
    quality = best / torch.gather(peak, 1, owner).clamp_min(1e-30) * torch.gather(reach, 1, owner)
    return torch.where(best > 0, owner, -1), torch.where(best > 0, quality, 0)
