"""One model: the contract that it must keep, and how it does."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

from services.inference.domain.supervision import Backoff

INPUT, OUTPUT = "images", "detections"
TOP = 100
"""Detections per image."""
VALUES = 6
"""x1 y1 x2 y2 score class"""
TRITON_VERSION = "1"
"""Of every model in Triton: what tells two apart is their name."""


@dataclass(frozen=True)
class ModelSpec:
    """A model that the plant's recipes name, and the picture size that they give it."""

    name: str
    height_px: int
    width_px: int


@dataclass(frozen=True)
class Staged:
    """A private copy of a signed model, which nobody but this service can change."""

    name: str
    """What the model server calls it: one name for each network, so that an answer under it can be of no other (B2)."""
    version: str
    """Its folder in the model repository; people number models so, and nothing depends on it."""
    digest: str
    """SHA-256, hex, of the signed network that is loaded; of a plan: of the one that it was built from."""
    labels: tuple[str, ...]
    """Class names by index."""
    files: Mapping[str, str]
    """Every file of the copy, with its SHA-256."""


def served_name(model: str, digest: str) -> str:
    """What a model server calls this network of a model."""
    return f"{model}.{digest[:8]}"


@dataclass(frozen=True)
class Tensor:
    """Name, Triton datatype and shape with -1 for any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.datatype} [{','.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class Signature:
    """What a model takes and gives."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


def contract(spec: ModelSpec) -> Signature:
    """What every detector takes (part and golden template, one above the other) and gives."""
    images = Tensor(INPUT, "UINT8", (-1, 2, spec.height_px, spec.width_px))
    return Signature((images,), (Tensor(OUTPUT, "FP32", (-1, TOP, VALUES)),))


def mismatch(expected: Signature, found: Signature) -> str:
    """What is wrong with `found`, naming both sides; empty when it fits (it may give more outputs than expected)."""
    if set(expected.inputs) != set(found.inputs):
        return f"expected input {_listed(expected.inputs)}, found {_listed(found.inputs)}"
    if not set(expected.outputs) <= set(found.outputs):
        return f"expected output {_listed(expected.outputs)}, found {_listed(found.outputs)}"
    return ""


def _listed(tensors: tuple[Tensor, ...]) -> str:
    return ", ".join(map(str, tensors)) or "none"


class ModelState(Enum):
    """As ModelState of the wire, whose `unspecified` never happens here."""

    LOADING = auto()
    READY = auto()
    FAILED = auto()


@dataclass(frozen=True)
class ModelStatus:
    """How a model does; every transition returns the next status."""

    spec: ModelSpec
    state: ModelState = ModelState.LOADING
    detail: str = ""
    staged: Staged | None = None
    """What is served, or was before the server went."""
    refused_newer: str = ""
    """Why what lies in the model's folder now is not served in its place."""
    loaded: bool = False
    """Whether the server has it; a model that it lost or never took is loaded again, at `retry_at_s` (monotonic)."""
    attempts: int = 0
    retry_at_s: float = 0.0
    last_probe_at_s: float = 0.0
    """Wall clock (Unix seconds) of the last synthetic inference that succeeded; 0: none yet."""
    probe_duration_ms: float = 0.0

    def loading(self) -> "ModelStatus":
        """It is being loaded; what was wrong stays readable meanwhile."""
        return replace(self, state=ModelState.LOADING)

    def accepted(self, staged: Staged, at_s: float, duration_ms: float) -> "ModelStatus":
        """The server has it, it keeps the contract and it has answered."""
        return replace(self, staged=staged, loaded=True).answered(at_s, duration_ms)

    def forgotten(self) -> "ModelStatus":
        """The copy is gone."""
        return replace(self, staged=None, loaded=False)

    def newer(self, refused: str) -> "ModelStatus":
        """What lies in the folder now is refused, or (empty) is what is served."""
        return replace(self, refused_newer=refused)

    def refused(self, detail: str, now_s: float, jitter: float, backoff: Backoff) -> "ModelStatus":
        """It could not be loaded or breaks the contract: tried again later."""
        attempts = self.attempts + 1
        retry_at_s = now_s + backoff.delay_s(attempts, jitter)
        return replace(
            self, state=ModelState.FAILED, detail=detail, loaded=False, attempts=attempts, retry_at_s=retry_at_s
        )

    def lost(self, detail: str) -> "ModelStatus":
        """The server went away, or dropped it: loaded again as soon as possible."""
        return replace(self, state=ModelState.FAILED, detail=detail, loaded=False, retry_at_s=0.0)

    def silent(self, detail: str) -> "ModelStatus":
        """The server has it, but the synthetic inference failed."""
        return replace(self, state=ModelState.FAILED, detail=detail)

    def busy(self, detail: str) -> "ModelStatus":
        """The synthetic inference came too late, but others were served meanwhile: load, not death."""
        return replace(self, state=ModelState.READY, detail=detail)

    def answered(self, at_s: float, duration_ms: float) -> "ModelStatus":
        """The synthetic inference succeeded."""
        answering = replace(self, state=ModelState.READY, detail="", attempts=0)
        return replace(answering, last_probe_at_s=at_s, probe_duration_ms=duration_ms)
