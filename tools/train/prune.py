"""Structured pruning: whole channels inside the residual blocks go, so that every runtime gains without a trick.

A channel is worth the size of its normalisation's scale (network slimming, Liu et al. 2017, arXiv:1708.06519) times the
weights that read it. What is cut has to be made up for: train on with `start_from`.
"""

import torch
from torch import Tensor, nn

from tools.train.model import PairDetector, Residual


@torch.no_grad()
def prune(network: PairDetector, keep: float) -> PairDetector:
    """A copy with the most valuable share `keep` (0..1) of the channels inside each residual block.

    Raises ValueError when nothing would be cut.
    """
    if not 0 < keep < network.shape.inner:
        raise ValueError(f"--keep {keep}: must lie between 0 and {network.shape.inner}, the share there is now")
    slim = PairDetector(network.shape.model_copy(update={"inner": keep}))
    state = network.state_dict()
    for name, block in network.named_modules():
        if isinstance(block, Residual):
            count = len(slim.state_dict()[f"{name}.first.0.weight"])
            _cut(state, name, _worth(block).topk(count).indices.sort().values)
    slim.load_state_dict(state)
    return slim.eval()


def _worth(block: Residual) -> Tensor:
    norm, reader = block.first[1], block.second[0]
    assert isinstance(norm, nn.BatchNorm2d)
    assert isinstance(reader, nn.Conv2d)
    return norm.weight.abs() * reader.weight.pow(2).sum((0, 2, 3)).sqrt()


def _cut(state: dict[str, Tensor], name: str, chosen: Tensor) -> None:
    for part in ("first.0.weight", "first.1.weight", "first.1.bias", "first.1.running_mean", "first.1.running_var"):
        state[f"{name}.{part}"] = state[f"{name}.{part}"][chosen]
    state[f"{name}.second.0.weight"] = state[f"{name}.second.0.weight"][:, chosen]
