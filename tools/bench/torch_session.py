"""The network on torch, as it was before its export; runs like an ONNX Runtime session."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tools.train.export import Decoded
from tools.train.state import averaged


class TorchSession:
    """Eager FP32 on the CPU, normalisation folded and answer decoded as in the exported file."""

    def __init__(self, checkpoint: Path, threads: int) -> None:
        """Raises ValueError when there is no such checkpoint."""
        self.network, self.threads = Decoded(averaged(checkpoint)[0]).eval(), threads

    def run(self, _names: Sequence[str], feed: dict[str, Any]) -> list[Any]:
        """The detections float32 [B, 100, 6] of uint8 [B, 2, 640, 640]."""
        torch.set_num_threads(self.threads)  # one setting for the whole process: sessions take turns
        with torch.inference_mode():
            return [np.asarray(self.network(torch.from_numpy(feed["images"])))]
