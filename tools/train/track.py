"""How a run goes, for whoever watches: a bar in the terminal, curves in TensorBoard, the run in MLflow's store."""

import logging
import subprocess
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard.writer import SummaryWriter

from tools.boards.board import LABELS, Image
from tools.train.config import Config
from tools.train.metrics import Array, Judged, alarms, suppress
from tools.train.model import PairDetector
from tools.train.validate import HeldOut, figures

_EVERY = 25
_PICTURES = 4
EXPERIMENT = "pcb_detector"


class Watch(AbstractContextManager[object]):
    """Tells terminal, TensorBoard (`<out>/tensorboard`) and MLflow (`<store>/mlflow.db`) about one run.

    MLflow gets every setting, the commit of the code, the data's fingerprint and each look's figures; a resumed run
    goes on under the same MLflow run, whose id lies in `<out>/mlflow-run`.
    """

    def __init__(self, plan: Config, out: Path, store: Path, tags: dict[str, str], held_out: HeldOut) -> None:
        self.plan, self.out, self.store, self.tags, self.held_out = plan, out, store, tags, held_out
        self.recent: list[float] = []

    def __enter__(self) -> Self:
        self.curves = SummaryWriter(str(self.out / "tensorboard"))
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), transient=True
        )
        self.bar.start()
        self.task = self.bar.add_task("training", total=self.plan.steps)
        self.ledger = _Ledger(self.out, self.store, {**_flat(self.plan.model_dump(mode="json"))}, self.tags)
        return self

    def __exit__(self, *error: object) -> None:
        self.ledger.close("FAILED" if error[0] else "FINISHED")
        self.bar.stop()
        self.curves.close()

    def step(self, step: int, scalars: dict[str, float]) -> None:
        """Moves the bar; the mean loss of 25 steps becomes a point of the curve."""
        self.recent.append(scalars["loss"])
        self.bar.update(self.task, completed=step, description=f"loss {np.mean(self.recent):.3f}")
        if step % _EVERY == 0:
            self.curves.add_scalar("train/loss", float(np.mean(self.recent)), step)
            self.curves.add_scalar("train/learning_rate", scalars["learning_rate"], step)
            self.recent.clear()

    def look(self, step: int, average: PairDetector) -> float | None:
        """Judges the averaged network on the held-out pairs; figures and overlays go into the records."""
        if not self.held_out.pairs:
            return None
        judged = self.held_out.judge(average.cpu())
        found = figures(judged)
        for name, value in found.items():
            self.curves.add_scalar(f"held_out/{name}", value, step)
        for number in range(min(_PICTURES, len(judged))):
            picture = overlay(self.held_out.images[number][0], judged[number], found["threshold"])
            self.curves.add_image(f"held_out/{number}", picture, step, dataformats="HWC")
        self.ledger.figures(found, step)
        self.bar.console.print(f"step {step}: " + ", ".join(f"{name} {value:.4f}" for name, value in found.items()))
        return found["map50_95"]


def overlay(part: Image, judged: Judged, threshold: float) -> Image:
    """The part in colour: truth in green, what the network says in red. uint8 [640, 640, 3], RGB."""
    picture = cv2.cvtColor(part, cv2.COLOR_GRAY2RGB)
    _draw(picture, judged.truth[:, :4], judged.truth[:, 4], (0, 160, 0))
    said = suppress(alarms(judged.found, threshold))
    _draw(picture, said[:, :4], said[:, 5], (220, 0, 0))
    return picture.astype(np.uint8, copy=False)


def _draw(picture: Any, boxes: Array, kinds: Array, colour: Sequence[int]) -> None:
    for (x1, y1, x2, y2), kind in zip(boxes.round().astype(int).tolist(), kinds.astype(int), strict=True):
        cv2.rectangle(picture, (x1, y1), (x2, y2), colour, 2)
        cv2.putText(picture, LABELS[kind], (x1, y1 - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)


def commit() -> str:
    """The commit of this code, with "+changes" when files differ from it; "unknown" outside a checkout."""
    here = Path(__file__).parent
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True).stdout
        dirty = subprocess.run(["git", "status", "--porcelain", "-uno"], cwd=here, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.strip() + ("+changes" if dirty.stdout.strip() else "")


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


class _Ledger:
    """The run in MLflow's local store (SQLite: its folder store is no longer kept up)."""

    def __init__(self, out: Path, store: Path, settings: dict[str, Any], tags: dict[str, str]) -> None:
        store.mkdir(parents=True, exist_ok=True)
        self._quietly(self._open, out, store, settings, tags)

    def _open(self, out: Path, store: Path, settings: dict[str, Any], tags: dict[str, str]) -> None:
        # Imported here: two seconds that neither `jidoka --help` nor a worker process should pay.
        from mlflow.tracking import MlflowClient  # noqa: PLC0415

        logging.getLogger("alembic").setLevel(logging.WARNING)
        self.client = MlflowClient(f"sqlite:///{(store / 'mlflow.db').resolve()}")
        note = out / "mlflow-run"
        if note.is_file():
            self.run = note.read_text()
            self.client.update_run(self.run, status="RUNNING")
            return
        known = self.client.get_experiment_by_name(EXPERIMENT)
        experiment = known.experiment_id if known else self.client.create_experiment(EXPERIMENT)
        self.run = self.client.create_run(experiment, run_name=out.name, tags=tags).info.run_id
        for name, value in settings.items():
            self.client.log_param(self.run, name, value)
        note.write_text(self.run)

    def figures(self, found: dict[str, float], step: int) -> None:
        for name, value in found.items():
            self._quietly(self.client.log_metric, self.run, name, value, step=step)

    def close(self, status: str) -> None:
        self._quietly(self.client.set_terminated, self.run, status)

    @staticmethod
    def _quietly(act: Callable[..., Any], *args: Any, **named: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations between MLflow and SQLAlchemy, none of ours
            act(*args, **named)


class Silent:
    """A tracker for runs that nobody watches."""

    def step(self, step: int, scalars: dict[str, float]) -> None: ...
    def look(self, step: int, average: PairDetector) -> float | None: ...


def threads(count: int) -> None:
    """Threads for torch; OpenCV gets one, it runs in the loader's processes."""
    torch.set_num_threads(count)
    cv2.setNumThreads(1)
