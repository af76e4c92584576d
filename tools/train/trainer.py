"""The training loop: CPU or GPU, one process or many, resumable to the bit."""

import copy
import math
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from tools.boards.board import Pair
from tools.train import optim
from tools.train.config import Config
from tools.train.data import Crops
from tools.train.loss import detection_loss
from tools.train.model import PairDetector
from tools.train.state import State
from tools.train.team import Shard, Team

Batch = tuple[Tensor, Tensor]


class Tracker(Protocol):
    """Whoever wants to know how a run goes."""

    def step(self, step: int, scalars: dict[str, float]) -> None: ...
    def look(self, step: int, average: PairDetector) -> float | None:
        """Judges the averaged network; its mAP 50:95, or None when there is nothing to judge it on."""


class Teacher(Protocol):
    """A loss towards a larger network's answer (tools/train/distill.py)."""

    def __call__(self, images: Tensor, features: Tensor, logits: Tensor, sides: Tensor, progress: float) -> Tensor: ...


class Trainer:
    """One run of `plan` over `real` and `generated` pairs.

    `teacher` (images, logits, sides, features -> loss) adds to the loss what a larger network has to say.
    """

    def __init__(
        self, plan: Config, state: State, team: Team, tracker: Tracker, teacher: Teacher | None = None
    ) -> None:
        self.plan, self.state, self.team, self.tracker, self.teacher = plan, state, team, tracker, teacher
        self.type = _precision(plan, team.device)
        self.scaler = torch.amp.GradScaler(team.device.type, enabled=self.type is torch.float16)
        self.network: nn.Module = DistributedDataParallel(_Whole(state.model)) if team.size > 1 else _Whole(state.model)

    def run(
        self, real: Sequence[Pair], generated: Sequence[Pair], checkpoint: Path, stop_after_s: float = math.inf
    ) -> PairDetector:
        """Trains from the state's step to the plan's last and returns the best averaged network.

        `checkpoint` is written every few hundred steps, and at the end; the best network beside it as best.pt.
        """
        plan, team = self.plan, self.team
        per_step = plan.batch * plan.accumulate * team.size
        calm_from = round((1 - plan.data.calm) * plan.steps) * per_step
        crops = Crops(real, generated, plan.data, seed=plan.seed, count=plan.steps * per_step, calm_from=calm_from)
        loader = DataLoader(
            crops,
            batch_sampler=Shard(plan, team, self.state.step),
            num_workers=plan.loader_processes,
            pin_memory=team.device.type == "cuda",
        )
        begin, passes = time.monotonic(), iter(loader)
        while self.state.step < plan.steps:
            self._step([next(passes) for _ in range(plan.accumulate)])
            late = team.share(time.monotonic() - begin) > stop_after_s
            if self.state.step % plan.checkpoint_every == 0:
                self._save(checkpoint)
            if self._enough(checkpoint) or late:
                break
        self._save(checkpoint)
        return self.state.average

    def _step(self, passes: list[Batch]) -> None:
        state, plan = self.state, self.plan
        rate = optim.set_rate(state.optimizer, plan.optimizer, state.step, plan.steps)
        state.model.train()
        total = 0.0
        for number, (images, targets) in enumerate(passes, 1):
            with self._alone(last=number == len(passes)):
                loss = self._loss(images, targets) / len(passes)
                self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            total += loss.item()
        self.scaler.unscale_(state.optimizer)
        nn.utils.clip_grad_norm_(state.model.parameters(), plan.optimizer.clip_norm)
        self.scaler.step(state.optimizer)
        self.scaler.update()
        state.optimizer.zero_grad()
        optim.follow(state.average, state.model, min(plan.optimizer.average, (1 + state.step) / (20 + state.step)))
        state.step += 1
        self.tracker.step(state.step, {"loss": total, "learning_rate": rate})

    def _loss(self, images: Tensor, targets: Tensor) -> Tensor:
        images = images.to(self.team.device, non_blocking=True).float().contiguous(memory_format=torch.channels_last)
        targets = targets.to(self.team.device, non_blocking=True)
        with torch.autocast(self.team.device.type, self.type, enabled=self.type is not torch.float32):
            features, logits, sides = self.network(images)
        loss = detection_loss(logits, sides, targets, self.plan.loss)
        if self.teacher:
            loss = loss + self.teacher(images, features, logits, sides, self.state.step / self.plan.steps)
        return loss

    def _alone(self, *, last: bool) -> AbstractContextManager[None]:
        """Gradients travel between processes once per step, with its last pass."""
        if isinstance(self.network, DistributedDataParallel) and not last:
            return self.network.no_sync()
        return nullcontext()

    def _enough(self, checkpoint: Path) -> bool:
        """Looks at held-out pairs now and then, keeps the best network; True when patience has ended."""
        every, state = self.plan.validate_every, self.state
        if not every or (state.step % every and state.step != self.plan.steps):
            return False
        found = self.tracker.look(state.step, copy.deepcopy(state.average).eval()) if self.team.leads else None
        figure = self.team.share(-1.0 if found is None else found)
        state.stale = 0 if figure > state.best else state.stale + 1
        if figure > state.best:
            state.best = figure
            self._save(checkpoint.with_name("best.pt"))
        return 0 < self.plan.patience <= state.stale

    def _save(self, path: Path) -> None:
        if self.team.leads:
            self.state.save(path)


class _Whole(nn.Module):
    """The detector with its features on show; one forward, as DistributedDataParallel wants it."""

    def __init__(self, detector: PairDetector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.detector.features(images / 255)
        return features, *self.detector.answer(features)


def _precision(plan: Config, device: torch.device) -> torch.dtype:
    if plan.precision != "auto":
        return {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[plan.precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    cpu = Path("/proc/cpuinfo")
    return torch.bfloat16 if cpu.is_file() and "avx512_bf16" in cpu.read_text() else torch.float32
