"""How to train, as one YAML file: what is in it, what it defaults to, and which mistakes it may not contain."""

import copy
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from services.contracts.strict import Share, Strict

Positive = Annotated[int, Field(ge=1)]


class Model(Strict):
    """The network's shape."""

    width: float = Field(default=1.0, ge=0.25, le=4)
    """Channels, as a multiple of the served network's: 0.5 a student, 1.5 a teacher."""
    inner: Share = 1.0
    """Channels inside the residual blocks, as a share of those between them: below 1 after pruning."""
    attention: bool = True
    """Self-attention over the coarsest cells."""
    difference: bool = False
    """A third input channel |part - golden|, worked out in the network."""


class Data(Strict):
    """What a training crop may go through. Each number is the share of crops that it happens to."""

    crop_px: int = Field(default=320, ge=64, le=640, multiple_of=32)
    generated_boards: int = Field(default=400, ge=0)
    """Boards of our own generator, drawn before the first step."""
    generated: Share = 0.2
    """Share of crops taken from them; all crops when there is no other data."""
    clean: Share = 0.12
    """Good boards: golden against itself, or a part against itself."""
    misaligned: Share = 0.5
    """Golden image off by up to 5 px."""
    photometric: Share = 0.35
    """Blur, another threshold, JPEG, contrast, noise."""
    roles: Share = 0.28
    """Copper and laminate, or part and golden, change places."""
    copy_paste: Share = 0.35
    """One to three defects of another pair (Ghiasi et al. 2021, arXiv:2012.07177)."""
    mosaic: Share = 0.0
    """Four crops in one (Bochkovskiy et al. 2020, arXiv:2004.10934)."""
    mixup: Share = 0.0
    """Two crops blended (Zhang et al. 2018, arXiv:1710.09412)."""
    cutmix: Share = 0.0
    """A window of another crop (Yun et al. 2019, arXiv:1905.04899)."""
    calm: Share = 0.1
    """Last share of the steps, in which no crop is blended, pasted or photometrically changed."""


class Loss(Strict):
    """What the network is punished for."""

    confidence: Literal["quality", "focal"] = "quality"
    """Quality focal loss (arXiv:2006.04388), or focal loss (Lin et al. 2017, arXiv:1708.02002)."""
    gamma: float = Field(default=2.0, ge=0, le=5)
    alpha: Share = 0.25
    """Weight of defects against background; focal loss only."""
    box: float = Field(default=2.0, gt=0)
    """Weight of the box against the confidence."""


class Distillation(Strict):
    """What a student hears from its teacher (tools/train/distill.py); each number but the temperature is a weight."""

    teacher: Path | None = None
    """Checkpoint of a larger network."""
    temperature: float = Field(default=4.0, ge=1, le=20)
    """At the first step; falls to 1 at the last."""
    answers: float = Field(default=1.0, ge=0)
    boxes: float = Field(default=1.0, ge=0)
    features: float = Field(default=100.0, ge=0)


class Optimizer(Strict):
    """AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) and how its rate changes."""

    learning_rate: float = Field(default=2e-3, gt=0, le=1)
    weight_decay: float = Field(default=0.05, ge=0)
    """On matrices alone."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """Factor on the rate per stage away from the head: below 1 for transfer from another network."""
    warmup_steps: int = Field(default=300, ge=0)
    schedule: Literal["cosine", "warm-restarts", "step"] = "cosine"
    """Cosine to the end; cosine with restarts (arXiv:1608.03983), each cycle twice as long; or steps down."""
    cycle_steps: Positive = 2000
    """First cycle of warm-restarts, or the length of a stair of step."""
    stair: float = Field(default=0.3, gt=0, lt=1)
    """Factor on the rate per stair."""
    clip_norm: float = Field(default=5.0, gt=0)
    average: float = Field(default=0.9985, ge=0, lt=1)
    """Exponential moving average of the weights; 0 switches it off."""


class Config(Strict):
    """A whole run."""

    seed: int = Field(default=0, ge=0)
    steps: Positive = 9000
    """Optimiser steps. The rate follows them, not the clock, so that a run can be repeated anywhere."""
    batch: Positive = 16
    """Crops per process and pass."""
    accumulate: Positive = 1
    """Passes per optimiser step."""
    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    """auto: bf16 where the processor multiplies it, else fp32 on CPUs and fp16 on GPUs."""
    loader_processes: int = Field(default=1, ge=0, le=64)
    checkpoint_every: Positive = 300
    validate_every: int = Field(default=1500, ge=0)
    """Steps between looks at the held-out pairs; 0 for never."""
    validation_pairs: Positive = 64
    patience: int = Field(default=0, ge=0)
    """Stop after so many looks without a better one; 0 for never. The best network is kept either way."""
    start_from: Path | None = None
    """A checkpoint whose weights this run starts from: transfer."""
    model: Model = Model()
    data: Data = Data()
    loss: Loss = Loss()
    distillation: Distillation = Distillation()
    optimizer: Optimizer = Optimizer()


def load(path: Path | None, base: dict[str, Any] | None = None, changes: dict[str, Any] | None = None) -> Config:
    """The file's settings on top of `base`, defaults where both are silent, and `changes` on top of all.

    `changes` name settings by their path: {"optimizer.learning_rate": 1e-3}. Raises ValueError that names the file, the
    field and what is wrong with it.
    """
    values = copy.deepcopy(base or {})
    for name, value in [*_read(path).items(), *(changes or {}).items()]:
        _put(values, name.split("."), value)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        source = path or "settings"
        mistakes = [f"{source}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise ValueError("\n".join(mistakes)) from error


def _read(path: Path | None) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text()) if path else {}
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not YAML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected settings like 'steps: 9000', got {content!r:.40}")  # noqa: TRY004
    return content


def _put(values: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        values = values.setdefault(name, {})
    merge = isinstance(value, dict) and isinstance(values.get(path[-1]), dict)
    values[path[-1]] = values[path[-1]] | value if merge else value
