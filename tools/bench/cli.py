"""`jidoka bench`: other benches join here as further subcommands."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

app = typer.Typer(
    no_args_is_help=True,
    help="Measure how fast it is: always against something else in the same run, because machines and days differ. "
    "Stop what else runs on the machine, or read the ratios only.",
)
console = Console()
MODEL = Path("model_repository/pcb_detector")

Model = Annotated[Path, typer.Option(help="Folder of the model in the repository: config.pbtxt, 1/, manifest.json.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write all figures into this file.")]
Concurrency = Annotated[list[int] | None, typer.Option(min=1, help="Requests at once; may be repeated.")]

# The commands import engines and metrics when called: `jidoka` must start quickly.
# ruff: noqa: PLC0415


@app.command()
def model(
    *,
    model: Model = MODEL,
    data: Annotated[
        Path | None, typer.Option(help="Folder that holds PCBData/: the accuracy of every variant as well.")
    ] = None,
    holdout: Annotated[str, typer.Option(help="Board groups that the model was not trained on.")] = "92000,50600",
    threads: Annotated[list[int] | None, typer.Option(min=1, help="CPU threads; may be repeated.  [1 and 2]")] = None,
    batch: Annotated[list[int] | None, typer.Option(min=1, help="Pictures a call; may be repeated.  [1, 4, 8]")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each variant.")] = 5,
    runs: Annotated[int, typer.Option(min=1, help="Calls a turn.")] = 10,
    concurrency: Concurrency = None,
    triton: Annotated[bool, typer.Option(help="Measure a Triton of our own as well.")] = True,
    json_file: Json = None,
) -> None:
    """Compare the model's variants, FP32 and INT8, ONNX Runtime and OpenVINO: size, speed, accuracy; Triton's share.

    The variants take turns, call by call in rounds, so that whatever else the machine does hits all of them alike. A
    factor says how many times as fast as FP32 on ONNX Runtime a variant was with the same threads and batch. Triton
    is a real one on loopback with config.pbtxt as it is, asked through shared memory, and its share is that of the
    bare runtime with as many threads, one picture at a time, in the same run.

    Example: jidoka bench model --data DIR --json bench.json
    """
    from tools.bench import machine, tables
    from tools.bench import model as bench

    plan = bench.Plan(model, threads or [1, 2], batch or [1, 4, 8], rounds, runs, concurrency or [1, 2, 4, 8])
    with _plainly(), console.status("") as status:
        found: dict[str, Any] = {"machine": machine.described(), "bytes": bench.sizes(plan)}
        found["speed"] = bench.speeds(plan, status.update)
        if data is not None:
            found["accuracy"] = bench.accuracies(plan, data, holdout.split(","), status.update)
        if triton:
            found["triton"] = asyncio.run(bench.served(plan, status.update))
        _write(json_file, found)
    console.print(tables.speed(found["speed"], found["bytes"]))
    if "accuracy" in found:
        console.print(tables.accuracy(found["accuracy"]))
    if "triton" in found:
        console.print(tables.served(found["triton"]))


@app.command()
def batching(
    *,
    model: Model = MODEL,
    arrangement: Annotated[
        list[str] | None, typer.Option(help="Instances x threads of each; may be repeated.  [1x2, 2x1, 2x2]")
    ] = None,
    delay_us: Annotated[
        list[int] | None, typer.Option(min=0, help="Longest wait for a batch; may be repeated.  [0, 500, 2000]")
    ] = None,
    preferred: Annotated[
        list[int] | None, typer.Option(min=0, help="Batch worth the wait, 0: any; may be repeated.  [0, 4]")
    ] = None,
    concurrency: Concurrency = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of one measurement.")] = 1.5,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each setting.")] = 2,
    p99_limit_ms: Annotated[float, typer.Option(min=1, help="What the best setting may take at most.")] = 50.0,
    json_file: Json = None,
    plot: Annotated[Path | None, typer.Option(help="Draw throughput against p99 as this SVG file.")] = None,
) -> None:
    """Sweep Triton's scheduling of the model: instance_group and dynamic_batching of config.pbtxt by figures.

    Each setting is loaded into a real Triton on loopback and asked through shared memory by 1, 2, 4, 8 and 16 at once.
    A delay makes larger batches and is paid in full by whoever asks alone; instances overlap one picture's way through
    Triton with another's inference. The best is the one with most pictures a second within --p99-limit-ms.

    Example: jidoka bench batching --json batching.json --plot model_repository/pcb_detector/batching.svg
    """
    from tools.bench import batching as bench
    from tools.bench import machine, tables
    from tools.bench import plot as drawing

    with _plainly(), console.status("") as status:
        settings = list(
            bench.settings(arrangement or ["1x2", "2x1", "2x2"], delay_us or [0, 500, 2000], preferred or [0, 4])
        )
        plan = bench.Plan(model, settings, concurrency or [1, 2, 4, 8, 16], seconds, rounds)
        rows = asyncio.run(bench.sweep(plan, status.update))
        best = bench.best(rows, p99_limit_ms)
        _write(json_file, {"machine": machine.described(), "p99_limit_ms": p99_limit_ms, "best": best, "rows": rows})
        if plot is not None:
            lines = {str(of): [_point(row) for row in rows if row["setting"] == str(of)] for of in settings}
            plot.write_text(drawing.svg(lines, "pictures a second", "p99 of a request, ms"), encoding="utf-8")
    console.print(tables.batching(rows, best))
    console.print(f"Best within {p99_limit_ms:g} ms: {best['setting']}, {best['per_second']} pictures a second")


def _point(row: dict[str, Any]) -> tuple[float, float, str]:
    return row["per_second"], row["p99_ms"], str(row["concurrency"])


def _write(path: Path | None, found: dict[str, Any]) -> None:
    if path is not None:
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


@contextmanager
def _plainly() -> Iterator[None]:
    """A wrong folder, or a Triton that will not start, ends with its message, not with a stack trace."""
    from tritonclient.utils import InferenceServerException

    from services.chassis.errors import MeshError

    try:
        yield
    except (ValueError, OSError, TimeoutError, MeshError, InferenceServerException) as error:
        console.print(f"[red]The bench failed:[/] {error}", soft_wrap=True, highlight=False)
        raise typer.Exit(1) from None
