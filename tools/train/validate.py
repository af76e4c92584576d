"""How good a network is right now, on whole held-out pairs: torch alone, so that a run can look at itself."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from services.preprocessing.domain.registration import register, shift
from tools.boards.board import Image, Pair
from tools.train.export import Decoded
from tools.train.metrics import Judged, at_threshold, best_threshold, boxes_of, mean_average_precision
from tools.train.model import PairDetector

COCO = tuple(step / 100 for step in range(50, 100, 5))


@dataclass(frozen=True)
class HeldOut:
    """Registered images uint8 [2, 640, 640] with their truth, ready to be judged again and again."""

    images: list[Image]
    pairs: list[Pair]

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> "HeldOut":
        """Registers each golden image to its part, once."""
        return cls([registered(pair.part, pair.golden) for pair in pairs], list(pairs))

    def judge(self, average: PairDetector) -> list[Judged]:
        """Detections next to the truth."""
        network = Decoded(average).eval()
        with torch.no_grad():
            found = [network(torch.from_numpy(image)[None])[0].numpy() for image in self.images]
        return [Judged(f, boxes_of(pair)) for f, pair in zip(found, self.pairs, strict=True)]


def registered(part: Image, golden: Image) -> Image:
    """The pair as the served model sees it: uint8 [2, 640, 640], golden image moved onto the part."""
    found = register(part, golden)
    return np.stack([part, shift(golden, found.dx, found.dy)])


def figures(judged: Sequence[Judged]) -> dict[str, float]:
    """Mean average precision at 0.33, 0.5 and 0.5 to 0.95, and the best F at 0.33: shares between 0 and 1."""
    threshold = best_threshold(judged)
    return {
        "map33": mean_average_precision(judged, 0.33),
        "map50": mean_average_precision(judged, 0.5),
        "map50_95": float(np.mean([mean_average_precision(judged, limit) for limit in COCO])),
        "f": at_threshold(judged, threshold)["f"],
        "threshold": threshold,
    }
