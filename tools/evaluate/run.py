"""One evaluation from start to end: survey, figures, files, and a table for the terminal."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from tools.boards.deeppcb import DeepPcb
from tools.evaluate import predictions, report, survey
from tools.evaluate.figures import figures
from tools.evaluate.survey import Survey
from tools.evaluate.worst import draw, worst

_WORST = 12
_SUPPRESSION = (
    "Average precision counts after suppression within each class; precision, recall, F and alarms are those of "
    "verdicts, which give each place to one class. A candidate that lost its place to another class ranks with its "
    "score multiplied by the threshold. Means run over the classes that occur."
)


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    data: Path
    split: str
    predictions: Path | None
    reports: Sequence[Path]
    state: Path | None
    plant: Path


def run(options: Options, console: Console) -> None:
    """Raises PlantFailed, MeshError, ValueError or OSError naming what is wrong."""
    _check(options)
    pairs = survey.pairs(options.data, options.split)
    console.print(f"{len(pairs)} pairs, each followed by four good boards")
    with _progress(len(pairs), console) as progress, survey.plant(options.state, options.plant) as plant:
        seen = asyncio.run(survey.survey(plant, pairs, progress))
    if options.predictions is not None:
        predictions.write(options.predictions, seen.parts)
    found, pictures = _results(seen, pairs)
    for path in options.reports:
        report.write(path, found, pictures)
    console.print(_table(found))


def _check(options: Options) -> None:
    """Whoever waits for minutes wants to have the files afterwards."""
    for path in options.reports:
        if path.suffix not in {".json", ".html"}:
            raise ValueError(f"--report {path}: the name must end in .json or .html")
    for file in filter(None, (options.predictions, *options.reports)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def _results(seen: Survey, pairs: DeepPcb) -> tuple[dict[str, Any], list[bytes]]:
    mistakes = worst(seen.parts, seen.threshold, _WORST)
    found = figures(seen.parts, seen.good, seen.threshold) | {
        "model": {"name": seen.model.name, "version": seen.model.version, "digest": seen.model.digest},
        "split": pairs.split,
        "suppression": _SUPPRESSION,
        "worst": [of.as_json() for of in mistakes],
    }
    return found, [draw(pairs[of.index].part, of) for of in mistakes]


@contextmanager
def _progress(pairs: int, console: Console) -> Iterator[survey.Progress]:
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(TextColumn("pairs"), *columns, console=console) as progress:
        task = progress.add_task("", total=pairs)
        yield lambda done: progress.update(task, completed=done)


def _table(found: dict[str, Any]) -> Table:
    table = Table("through the served path", "", min_width=44, title_justify="left")
    at, latency = found["at_threshold"]["iou33"], found["latency_ms"]["total"]
    alarms = found["false_alarms"]["all"]
    rows = {
        "pictures / defects": f"{found['images']} / {found['defects']}",
        "mean AP@0.33, pooled": f"{found['map33']:.2%}, {found['pooled_ap33']:.2%}",
        "mAP50, mAP50:95": f"{found['map50']:.2%}, {found['map50_95']:.2%}",
        f"P / R / F at {found['threshold']}": f"{at['precision']:.2%} / {at['recall']:.2%} / {at['f']:.2%}",
        "good boards with an alarm": f"{alarms['alarmed']} of {alarms['boards']}",
        "ms a picture, p50 / p95": f"{latency['p50']} / {latency['p95']}",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table
