"""Sends every picture of a split through the served path, and its golden image as well."""

import asyncio
import signal
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from services.chassis.errors import MeshError
from services.preprocessing.domain.frame import ServedModel
from tools.boards.board import BoardError
from tools.boards.deeppcb import DeepPcb
from tools.evaluate.cases import Case, case
from tools.evaluate.good_boards import good_boards
from tools.evaluate.served import PARTS, ServedPath, opened
from tools.plant import control
from tools.plant.state import REPOSITORY, PlantState
from tools.train import manifest
from tools.train.metrics import Array, boxes_of

Progress = Callable[[int], None]
_NO_DEFECTS: Array = np.zeros((0, 5), np.float32)


@dataclass
class Survey:
    """Everything that was seen: the parts in the order of the split file, good boards by how they came about."""

    model: ServedModel
    threshold: float
    parts: list[Case] = field(default_factory=list)
    good: dict[str, list[Case]] = field(default_factory=lambda: defaultdict(list))


def pairs(data: Path, split: str) -> DeepPcb:
    """The pairs to look at. Raises BoardError when there are none, or a picture of them is missing."""
    if not (data / "PCBData").is_dir():
        raise BoardError(f"{data}: there is no PCBData/ in it; --data must name the folder that holds PCBData/")
    found = DeepPcb(data, split)
    if not len(found):
        raise BoardError(f"{split}:1: names no image")
    for entry in found.entries:
        for picture in (entry.part, entry.golden):
            if not picture.is_file():
                raise BoardError(f"{entry.source}: no such image {picture}")
    return found


@contextmanager
def plant(state: Path | None, source: Path) -> Iterator[PlantState]:
    """The plant that runs in `state`; without one, a small one of our own for as long as needed. Raises PlantFailed."""
    if state is not None:
        running = control.read_state(state.resolve())
        if running is None or not running.running() or running.phase != "up":
            raise control.PlantFailed(f"no plant runs in {state}: start it with `jidoka up`, or leave out --state")
        yield running
        return
    # A plant in a folder that nobody knows must not outlive us.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="jidoka-evaluate-") as folder:
        try:
            yield control.ensure_up(Path(folder), source, PARTS, leashed=True)
        finally:
            control.bring_down(Path(folder))
            signal.signal(signal.SIGTERM, before)


async def survey(state: PlantState, data: DeepPcb, progress: Progress) -> Survey:
    """Look at every part and its good boards. Raises BoardError naming the split's line, or a MeshError."""
    async with opened(state) as path:
        model = await path.model()
        found = Survey(model, frozen_threshold(REPOSITORY / "model_repository" / model.name, model.digest))
        for index in range(len(data)):
            await _look(path, data, index, found)
            progress(index + 1)
    return found


def frozen_threshold(model: Path, digest: str) -> float:
    """The threshold frozen for this model. Raises ValueError when the manifest is not about the network `digest`."""
    files = manifest.read(model)["files"]
    if digest not in files.values():  # which of them is served is the configuration's choice
        manifested = files[manifest.SERVED]
        raise ValueError(
            f"{model / 'manifest.json'} is about {manifested[:12]}, but {digest[:12]} is served: "
            "its threshold means nothing here; run `jidoka export`"
        )
    return manifest.threshold(model)


async def _look(path: ServedPath, data: DeepPcb, index: int, survey: Survey) -> None:
    pair, entry = await asyncio.to_thread(data.__getitem__, index), data.entries[index]
    golden, limits = entry.golden.read_bytes(), (survey.threshold, path.recipe.nms_iou)
    try:
        seen = await path.look(entry.part.read_bytes(), golden)
        survey.parts.append(case(entry.image, seen, boxes_of(pair), *limits))
        for kind, part in good_boards(pair.golden, golden, index).items():
            survey.good[kind].append(case(entry.image, await path.look(part, golden), _NO_DEFECTS, *limits))
    except MeshError as error:
        raise BoardError(f"{entry.source}: {error}") from error
