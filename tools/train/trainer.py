"""The training loop: one process, CPU first (bfloat16 autocast, channels last), resumable to the bit."""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset

from tools.boards.board import Pair
from tools.train.data import Crops
from tools.train.loss import detection_loss
from tools.train.model import PairDetector

_EMA, _WARMUP_STEPS, _CLIP_NORM = 0.9985, 300, 5.0


@dataclass(frozen=True)
class Plan:
    """How to train. The learning rate follows the steps, not the clock, so that a run can be repeated anywhere."""

    steps: int
    seed: int = 0
    batch: int = 16
    crop_px: int = 320
    learning_rate: float = 2e-3
    stop_after_s: float = math.inf
    """Give up early (with a checkpoint) after this long."""
    checkpoint_every: int = 300
    loader_processes: int = 1


@dataclass
class State:
    """All that a run needs to go on: the network, its running average, the optimiser, the steps done."""

    model: PairDetector
    average: PairDetector
    optimizer: torch.optim.AdamW
    step: int = 0

    @classmethod
    def fresh(cls, plan: Plan) -> "State":
        torch.manual_seed(plan.seed)
        model = PairDetector().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        matrices = [p for p in model.parameters() if p.ndim > 1]
        rest = [p for p in model.parameters() if p.ndim <= 1]
        groups: list[dict[str, Any]] = [
            {"params": matrices, "weight_decay": 0.05},
            {"params": rest, "weight_decay": 0.0},
        ]
        return cls(model, copy.deepcopy(model), torch.optim.AdamW(groups, plan.learning_rate, betas=(0.9, 0.99)))

    def save(self, path: Path) -> None:
        """Writes the checkpoint in one move, so that a killed run never leaves half a file."""
        parts = {
            "step": self.step,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        partial = path.with_suffix(".partial")
        torch.save(parts, partial)
        partial.replace(path)

    def load(self, path: Path) -> None:
        saved = torch.load(path, weights_only=True)
        self.model.load_state_dict(saved["model"])
        self.average.load_state_dict(saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.step = saved["step"]


def train(
    plan: Plan,
    real: Sequence[Pair],
    generated: Sequence[Pair],
    checkpoint: Path,
    *,
    resume: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> PairDetector:
    """Trains for `plan.steps` steps and returns the averaged network; `checkpoint` is written every few hundred steps.

    With `resume` the run goes on from `checkpoint`; same seed, data and thread count give the same weights as an
    unbroken run. `report` gets one line per 50 steps.
    """
    state = State.fresh(plan)
    if resume:
        state.load(checkpoint)
    crops = Crops(real, generated, count=plan.steps * plan.batch, seed=plan.seed, size=plan.crop_px)
    rest = Subset(crops, range(state.step * plan.batch, len(crops)))
    begin, first, recent = time.monotonic(), state.step, 0.0
    for images, targets in DataLoader(rest, plan.batch, num_workers=plan.loader_processes):
        recent += _step(state, plan, images, targets)
        spent = time.monotonic() - begin
        if state.step % 50 == 0:
            rate = (state.step - first) / spent
            left = (plan.steps - state.step) / rate / 60
            report(f"step {state.step}/{plan.steps} loss {recent / 50:.4f} {rate:.2f} steps/s, {left:.0f} min left")
            recent = 0.0
        if state.step % plan.checkpoint_every == 0:
            state.save(checkpoint)
        if spent > plan.stop_after_s:
            break
    state.save(checkpoint)
    return state.average


def _step(state: State, plan: Plan, images: Tensor, targets: Tensor) -> float:
    for group in state.optimizer.param_groups:
        group["lr"] = learning_rate(plan, state.step)
    state.model.train()
    with torch.autocast("cpu", torch.bfloat16):
        logits, sides = state.model(images.float().contiguous(memory_format=torch.channels_last))
    loss = detection_loss(logits, sides, targets)
    state.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.model.parameters(), _CLIP_NORM)
    state.optimizer.step()
    _follow(state.average, state.model, min(_EMA, (1 + state.step) / (20 + state.step)))
    state.step += 1
    return loss.item()


def learning_rate(plan: Plan, step: int) -> float:
    """Linear warm-up, then a cosine down to 1 % at the last step."""
    warm = min(1.0, (step + 1) / min(_WARMUP_STEPS, plan.steps))
    return plan.learning_rate * warm * (0.01 + 0.99 * (1 + math.cos(math.pi * step / plan.steps)) / 2)


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, keep: float) -> None:
    """Exponential moving average of weights and normalisation statistics: better than any single step."""
    for mean, now in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(now, 1 - keep)
        else:
            mean.copy_(now)
