"""What a model says about boards, asked of torch and of ONNX Runtime.

An answer is float32 [100, 6] for each board: x1 y1 x2 y2 in pixels, score, class.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor

from tools.boards.board import Image
from tools.train.export import Decoded
from tools.train.metrics import Array
from tools.train.model import PairDetector

INPUT, OUTPUT = "images", "detections"
Answers = list[Array]
Images = Sequence[Image]


def by_torch(trained: PairDetector, images: Images) -> Answers:
    """Of the network as the training saw it."""
    network = _AsTrained(trained).eval()
    with torch.no_grad():
        return [network(torch.from_numpy(image)[None])[0].numpy() for image in images]


class _AsTrained(Decoded):
    """Nothing folded, pictures in 0..1."""

    def __init__(self, trained: PairDetector) -> None:
        super().__init__(trained)
        self.network = trained.float().eval()

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images.float() / 255)


def by_onnxruntime(model: Path, images: Images) -> Answers:
    """Of an ONNX file on ONNX Runtime's own CPU provider, which every host has."""
    return by_session(ort.InferenceSession(model, providers=["CPUExecutionProvider"]), images)


def by_session(session: Any, images: Images) -> Answers:
    """Board by board, as a camera asks."""
    return [np.asarray(session.run([OUTPUT], {INPUT: image[None]})[0][0], np.float32) for image in images]
