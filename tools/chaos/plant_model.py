"""Two models that a plant trusts, and the swap of one for the other while it works."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from services.contracts.envelope import MANIFEST_FILE
from tools.chaos.plant_floor import PlantFloor
from tools.train.sign import key_in, publish, sign

MODEL = "pcb_detector"
_SERVED, _OTHER = "1/model.onnx", "1/model_fp32.onnx"


@dataclass
class Shelf:
    """The shipped model and the same network in full precision, signed by a key of ours that this plant trusts."""

    floor: PlantFloor
    folder: Path
    _which: int = 0

    def __post_init__(self) -> None:
        variants = [self.folder / "shipped", self.folder / "full"]
        for variant in variants:
            shutil.copytree(self.floor.models / MODEL, variant)
        shutil.copyfile(variants[1] / _OTHER, variants[1] / _SERVED)
        manifest = json.loads((variants[1] / MANIFEST_FILE).read_bytes())
        manifest["files"][_SERVED] = hashlib.sha256((variants[1] / _SERVED).read_bytes()).hexdigest()
        key = key_in(self.folder / "key.pem")
        publish(key, self.floor.trust)
        sign(variants[1], manifest, key)
        self._variants = variants

    def swap(self) -> None:
        """Put the other one into the plant's repository: whole, from one moment to the next."""
        self._which = 1 - self._which
        coming, there, going = self.folder / "coming", self.floor.models / MODEL, self.folder / "going"
        shutil.copytree(self._variants[self._which], coming)
        there.rename(going)
        coming.rename(there)
        shutil.rmtree(going)
