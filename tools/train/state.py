"""All that a run needs to go on after a kill, in one file that is never half written."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tools.train import optim
from tools.train.config import Config, Model
from tools.train.model import PairDetector


@dataclass
class State:
    """The network, its running average, the optimiser, the steps done, the best look so far."""

    model: PairDetector
    average: PairDetector
    optimizer: torch.optim.AdamW
    step: int = 0
    best: float = -1.0
    """mAP 50:95 on held-out pairs, 0..1."""
    stale: int = 0
    """Looks since then."""

    @classmethod
    def fresh(cls, plan: Config, device: torch.device | None = None) -> "State":
        """Random weights from the plan's seed, or those of `start_from` where names and shapes agree."""
        torch.manual_seed(plan.seed)
        model = PairDetector(plan.model).to(device or "cpu", memory_format=torch.channels_last)  # type: ignore[call-overload]
        if plan.start_from:
            _transfer(plan.start_from, model)
        return cls(model, copy.deepcopy(model), optim.build(model, plan.optimizer))

    def save(self, path: Path) -> None:
        """Writes the checkpoint in one move."""
        parts = {
            "shape": self.model.shape.model_dump(),
            "step": self.step,
            "best": self.best,
            "stale": self.stale,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        partial = path.with_suffix(".partial")
        torch.save(parts, partial)
        partial.replace(path)

    def load(self, path: Path) -> None:
        """Takes up a checkpoint of the same plan. Raises ValueError when its network has another shape."""
        saved = _read(path)
        if Model(**saved["shape"]) != self.model.shape:
            raise ValueError(f"{path} holds another network ({saved['shape']}); resume with the run's own config")
        self.model.load_state_dict(saved["model"])
        self.average.load_state_dict(saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.step, self.best, self.stale = saved["step"], saved["best"], saved["stale"]


def averaged(path: Path) -> tuple[PairDetector, int]:
    """The averaged network of a checkpoint, in eval mode on the CPU, and its step."""
    saved = _read(path)
    model = PairDetector(Model(**saved["shape"]))
    model.load_state_dict(saved["average"])
    return model.eval(), saved["step"]


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ValueError(f"{path}: no such checkpoint; `jidoka train --out {path.parent}` writes one")
    saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return saved


def _transfer(path: Path, model: PairDetector) -> None:
    mine, theirs = model.state_dict(), averaged(path)[0].state_dict()
    fitting = {name: value for name, value in theirs.items() if name in mine and mine[name].shape == value.shape}
    if not fitting:
        raise ValueError(f"start_from {path}: no weight fits this network's shape")
    model.load_state_dict(mine | fitting)
