"""One process or many: `torchrun` starts them, this module is all that knows."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed
from torch.utils.data import Sampler

from tools.train.config import Config


@dataclass(frozen=True)
class Team:
    """This process among those that train together, and the device it trains on."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Writes files and talks; the others only compute."""
        return self.rank == 0

    def share(self, number: float) -> float:
        """The leader's number, in every process."""
        if self.size == 1:
            return number
        box = torch.tensor([number], dtype=torch.float64, device=self.device)
        distributed.broadcast(box, 0)
        return float(box.item())


@contextmanager
def assemble() -> Iterator[Team]:
    """The team that `torchrun` announces in the environment; alone without it. gloo on CPUs, nccl on GPUs."""
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if cuda else torch.device("cpu")
    if size == 1:
        yield Team(rank, size, device)
        return
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Team(rank, size, device)
    finally:
        distributed.destroy_process_group()


class Shard(Sampler[list[int]]):
    """Sample numbers of every pass that this process makes from `first_step` on: what all see together is seen once."""

    def __init__(self, plan: Config, team: Team, first_step: int) -> None:
        self.plan, self.team, self.first_step = plan, team, first_step

    def __len__(self) -> int:
        return (self.plan.steps - self.first_step) * self.plan.accumulate

    def __iter__(self) -> Iterator[list[int]]:
        batch, together = self.plan.batch, self.plan.batch * self.team.size
        for number in range(self.first_step * self.plan.accumulate, self.plan.steps * self.plan.accumulate):
            first = number * together + self.team.rank * batch
            yield list(range(first, first + batch))
