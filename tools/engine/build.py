"""Builds a plan for the GPU at hand from the signed ONNX file, once for each GPU, driver and TensorRT version.

A plan runs only where it was built, so its key names all that it depends on; what lies under that key is used again.
TensorRT's libraries come only from NVIDIA's own index; nothing else of Jidoka needs them.
"""

import hashlib
import importlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.train import manifest

_SOURCE = {"fp16": manifest.EXPORTED, "int8": manifest.SYMMETRIC}
PRECISIONS = tuple(_SOURCE)
_BATCHES = 1, 4, 8
"""Least, usual and largest batch of the one profile; the largest is max_batch_size of configs/gpu_trt_*.pbtxt."""
_PAIR = 2, 640, 640
_WORKSPACE_BYTES = 1 << 30
_DEADLINE_S = 20.0


class NoEngine(RuntimeError):
    """Raised when none can be built here; one line that says why and what to do."""


@dataclass(frozen=True)
class Target:
    """What a plan depends on besides the model."""

    gpu: str
    driver: str
    tensorrt: str

    def key(self, source_sha256: str, precision: str) -> str:
        """The folder of such a plan."""
        parts = (self.gpu, f"driver-{self.driver}", f"trt-{self.tensorrt}", precision, source_sha256[:16])
        return "_".join(re.sub(r"[^A-Za-z0-9.-]+", "-", part) for part in parts)


def tensorrt() -> Any:
    """The library. Raises NoEngine."""
    try:
        return importlib.import_module("tensorrt")
    except ImportError as error:
        raise NoEngine(
            f"TensorRT is not installed ({error}): take the package tensorrt-cu12 from NVIDIA's own index into the "
            "image of this job, or serve with configs/gpu_ort_trt.pbtxt or on the CPU, which need no engine"
        ) from error


def target(trt: Any) -> Target:
    """The GPU at hand. Raises NoEngine."""
    ask = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader", "--id=0"]
    try:
        answer = subprocess.run(ask, capture_output=True, text=True, timeout=_DEADLINE_S, check=True).stdout
        gpu, driver = (part.strip() for part in answer.strip().split(","))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        fix = "run this job on the node that will serve, with its GPU"
        raise NoEngine(f"no NVIDIA GPU to build for ({error}): {fix}") from error
    return Target(gpu, driver, str(trt.__version__))


def build(model: Path, cache: Path, precision: str) -> Path:
    """The plan in the model's folder, from `cache` or built now. Raises NoEngine, or OSError for a missing file."""
    trt = tensorrt()
    here, source = target(trt), model / _SOURCE[precision]
    onnx = source.read_bytes()
    digest = hashlib.sha256(onnx).hexdigest()
    folder = cache / here.key(digest, precision)
    plan = folder / "model.plan"
    if not plan.is_file():
        _keep(folder, _built(trt, onnx, precision), {"source": digest, "precision": precision, **asdict(here)})
    return _installed(plan, model / f"1/model_{precision}.plan")


def _built(trt: Any, onnx: bytes, precision: str) -> bytes:
    """TensorRT 10: batches are explicit, and eight bits come from the file's own Q/DQ nodes."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(onnx):
        reasons = "; ".join(str(parser.get_error(index)) for index in range(parser.num_errors))
        raise NoEngine(f"TensorRT cannot read the model: {reasons}")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, _WORKSPACE_BYTES)
    config.set_flag(trt.BuilderFlag.FP16)
    if precision == "int8":
        config.set_flag(trt.BuilderFlag.INT8)
    profile = builder.create_optimization_profile()
    profile.set_shape("images", *((batch, *_PAIR) for batch in _BATCHES))
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise NoEngine("TensorRT gave no plan: its own messages above say why")
    return bytes(plan)


def _keep(folder: Path, plan: bytes, about: dict[str, str]) -> None:
    """A whole folder or none: a job that is killed here leaves nothing that looks like a plan."""
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    unfinished.mkdir(parents=True)
    try:
        (unfinished / "model.plan").write_bytes(plan)
        stated = about | {"sha256": hashlib.sha256(plan).hexdigest()}
        (unfinished / "engine.json").write_text(json.dumps(stated, indent=1) + "\n")
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _installed(plan: Path, place: Path) -> Path:
    unfinished = place.with_suffix(".part")
    shutil.copyfile(plan, unfinished)
    return unfinished.replace(place)
