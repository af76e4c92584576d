"""How fast which weights learn."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from tools.train.config import Optimizer
from tools.train.model import PairDetector

_STAGES = ("s1", "s2", "s3", "s4")
_END = 0.01


def build(model: PairDetector, plan: Optimizer) -> torch.optim.AdamW:
    """AdamW with one group per stage and kind of weight; each group's `share` of the rate is fixed."""
    return torch.optim.AdamW(list(_groups(model, plan)), plan.learning_rate, betas=(0.9, 0.99))


def _groups(model: PairDetector, plan: Optimizer) -> Iterator[dict[str, Any]]:
    for depth, stage in enumerate((*_STAGES, "")):
        mine = [weight for name, weight in model.named_parameters() if _stage(name) == stage]
        for matrices in (True, False):
            weights = [weight for weight in mine if (weight.ndim > 1) == matrices]
            decay = plan.weight_decay if matrices else 0.0
            yield {"params": weights, "weight_decay": decay, "share": plan.layer_decay ** (len(_STAGES) - depth)}


def _stage(name: str) -> str:
    first = name.split(".", 1)[0]
    return first if first in _STAGES else ""


def set_rate(optimizer: torch.optim.Optimizer, plan: Optimizer, step: int, steps: int) -> float:
    """Gives every group its share of the rate at `step`; returns the whole rate."""
    rate = learning_rate(plan, step, steps)
    for group in optimizer.param_groups:
        group["lr"] = rate * group["share"]
    return rate


def learning_rate(plan: Optimizer, step: int, steps: int) -> float:
    """The rate at `step` of `steps`: linear warm-up, then by schedule; cosines end at 1 %."""
    warm = min(1.0, (step + 1) / max(1, min(plan.warmup_steps, steps)))
    if plan.schedule == "step":
        return plan.learning_rate * warm * plan.stair ** (step // plan.cycle_steps)
    if plan.schedule == "warm-restarts":
        # Cycles of 1, 2, 4 ... times cycle_steps (SGDR, T_mult = 2): the n-th begins at (2^n - 1) cycles.
        cycle = int(math.log2(step / plan.cycle_steps + 1))
        step, steps = step - (2**cycle - 1) * plan.cycle_steps, 2**cycle * plan.cycle_steps
    return plan.learning_rate * warm * (_END + (1 - _END) * (1 + math.cos(math.pi * step / steps)) / 2)


@torch.no_grad()
def follow(average: nn.Module, model: nn.Module, keep: float) -> None:
    """Exponential moving average of weights and normalisation statistics: better than any single step."""
    for mean, now in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(now, 1 - keep)
        else:
            mean.copy_(now)
