"""Builds a plan for the GPU at hand from the signed ONNX file, once for each GPU, driver and TensorRT version.

A plan runs only where it was built, so its key names all that it depends on; what lies under that key is used again.
TensorRT's libraries come only from NVIDIA's own index; nothing else of Jidoka needs them.
"""

import hashlib
import hmac
import importlib
import json
import os
import re
import secrets
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from services.contracts.envelope import PLAN_STATEMENT, plan_seal
from services.inference.adapters.trust import TrustedKeys
from tools.train import manifest

_SOURCE = {"fp16": manifest.EXPORTED, "int8": manifest.SYMMETRIC}
PRECISIONS = tuple(_SOURCE)
_BATCHES = 1, 4, 8
"""Least, usual and largest batch of the one profile; the largest is max_batch_size of configs/gpu_trt_*.pbtxt."""
_PAIR = 2, 640, 640
_PLAN, _STATEMENT = "model.plan", "engine.json"
"""In a folder of the cache."""
_WORKSPACE_BYTES = 1 << 30
_DEADLINE_S = 20.0
_VERSION = "10"
"""Of TensorRT: 11 has no precision flags any more and takes only networks that were converted before."""


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
    """The library in its version 10. Raises NoEngine."""
    take = (
        "take tensorrt-cu12 of the very version that your Triton has (10.x) from NVIDIA's own index into the image of "
        "this job, or serve with configs/gpu_ort_trt.pbtxt or on the CPU, which need no engine"
    )
    try:
        trt = importlib.import_module("tensorrt")
    except ImportError as error:
        raise NoEngine(f"TensorRT is not installed ({error}): {take}") from error
    if str(trt.__version__).partition(".")[0] != _VERSION:
        raise NoEngine(f"TensorRT {trt.__version__} is installed, not {_VERSION}.x: {take}")
    return trt


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


def build(model: Path, cache: Path, precision: str, trust: Path, node_key: str) -> Path:
    """The plan in the model's folder, from `cache` or built now; sealed with the secret of this node.

    Raises NoEngine, MeshError when nobody in `trust` has signed the model, OSError for a folder that cannot be written.
    """
    trt = tensorrt()
    here = target(trt)
    digest = TrustedKeys(trust).verify(model)["files"][_SOURCE[precision]]
    folder = cache / here.key(digest, precision)
    if not _whole(folder, node_key):
        plan = _built(trt, _signed(model / _SOURCE[precision], digest), precision)
        _keep(folder, plan, {"source": digest, "precision": precision, **asdict(here)}, node_key)
    return _installed(folder, model / f"1/model_{precision}.plan")


def _signed(source: Path, digest: str) -> bytes:
    """Read once: what is built from is what was hashed. Raises NoEngine when it changed since the check."""
    found = source.read_bytes()
    if hashlib.sha256(found).hexdigest() != digest:
        raise NoEngine(f"{source} changed while it was read: run this job again")
    return found


def _built(trt: Any, onnx: bytes, precision: str) -> bytes:
    """TensorRT 10: batches are explicit, and eight bits come from the file's own Q/DQ nodes."""
    logger = trt.Logger(trt.Logger.WARNING)
    try:
        builder = trt.Builder(logger)
    except TypeError as error:  # pybind's answer to a null pointer
        fix = "the driver is too old for this TensorRT, or the GPU is not given to this container"
        raise NoEngine(f"TensorRT cannot use the GPU ({error}): {fix}") from error
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


def _keep(folder: Path, plan: bytes, about: dict[str, str], node_key: str) -> None:
    """A whole folder or none: a job that is killed here leaves nothing that looks like a plan."""
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    unfinished.mkdir(parents=True)
    try:
        (unfinished / _PLAN).write_bytes(plan)
        sha256 = hashlib.sha256(plan).hexdigest()
        stated = about | {"sha256": sha256, "seal": plan_seal(node_key, about["source"], sha256)}
        (unfinished / _STATEMENT).write_text(json.dumps(stated, indent=1) + "\n")
        shutil.rmtree(folder, ignore_errors=True)  # what lies there is not whole
        unfinished.rename(folder)
    except OSError:
        if not _whole(folder, node_key):  # else the job of another pod was faster
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _whole(folder: Path, node_key: str) -> bool:
    """Whether a plan lies there as this node wrote it."""
    try:
        stated = json.loads((folder / _STATEMENT).read_text())
        sha256 = hashlib.sha256((folder / _PLAN).read_bytes()).hexdigest()
        return hmac.compare_digest(str(stated["seal"]), plan_seal(node_key, stated["source"], sha256))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def node_key(path: Path) -> str:
    """The secret of this node in `path`; made when there is none, readable by its owner alone. Raises NoEngine."""
    try:
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32) + "\n")
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise NoEngine(f"cannot read or make the node's key {path}: {error}") from error
    if not key:
        raise NoEngine(f"{path} is empty: take it away, and one will be made")
    return key


def _installed(folder: Path, place: Path) -> Path:
    """What it was built from goes beside it: the service that loads it compares that with the signed manifest."""
    for source, to in ((_PLAN, place), (_STATEMENT, place.with_name(place.name + PLAN_STATEMENT))):
        unfinished = to.with_name(f".{to.name}.json")
        shutil.copyfile(folder / source, unfinished)
        unfinished.replace(to)
    return place
