"""The network back from its exported file: gradients need torch, and the checkpoint stays where it was trained."""

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

from tools.train.export import Decoded
from tools.train.model import PairDetector


def restore(exported: Path) -> Decoded:
    """The network of a float32 export, weight by weight as it is served on GPUs. Raises ValueError for another model.

    Normalisation is folded into the weights there as here, and the exporter keeps their names.
    """
    if not exported.is_file():
        raise ValueError(f"{exported}: no such file; `jidoka export` writes it")
    network = Decoded(PairDetector()).eval()
    stored = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in onnx.load(exported).graph.initializer}
    wanted = network.state_dict()
    alike = {
        name: weights for name, weights in stored.items() if name in wanted and weights.shape == wanted[name].shape
    }
    if missing := set(wanted) - set(alike):
        raise ValueError(f"{exported}: not a float32 export of the pair detector ({min(missing)} is missing)")
    network.load_state_dict(alike)
    return network
