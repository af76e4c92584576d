"""`jidoka bench`: other benches join here as further subcommands."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

app = typer.Typer(
    no_args_is_help=True,
    help="Measure how fast it is: always against something else in the same run, because machines and days differ. "
    "Stop what else runs on the machine, or read the ratios only.",
)
console = Console()
MODEL = Path("model_repository/pcb_detector")

Model = Annotated[Path, typer.Option(help="Folder of the model in the repository: config.pbtxt, 1/, manifest.json.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write all figures into this file.")]
Plot = Annotated[Path | None, typer.Option(help="Draw throughput against latency into this SVG file.")]
Concurrency = Annotated[list[int] | None, typer.Option(min=1, help="Requests at once; may be repeated.  [1, 2, 4, 8]")]

# The commands import engines and metrics when called: `jidoka` must start quickly.
# ruff: noqa: PLC0415


@app.command()
def model(
    *,
    model: Model = MODEL,
    checkpoint: Annotated[
        Path | None, typer.Option(help="What the model was exported from (RUN/checkpoint.pt): torch as well.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder that holds PCBData/, to measure the accuracy on.")] = None,
    holdout: Annotated[str, typer.Option(help="Board groups in it that the model never saw.")] = "92000,50600",
    boards: Annotated[
        int, typer.Option(min=0, help="Without --data: generated boards to measure the accuracy on; 0: none.")
    ] = 40,
    threads: Annotated[list[int] | None, typer.Option(min=1, help="CPU threads; may be repeated.  [1 and 2]")] = None,
    batch: Annotated[list[int] | None, typer.Option(min=1, help="Pictures a call; may be repeated.  [1, 4, 8]")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each variant.")] = 5,
    runs: Annotated[int, typer.Option(min=1, help="Calls a turn.")] = 10,
    concurrency: Concurrency = None,
    triton: Annotated[bool, typer.Option(help="Measure a Triton of our own as well.")] = True,
    json_file: Json = None,
    plot: Plot = None,
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
    from tools.bench.accuracy import Bench

    plan = bench.Plan(
        model, threads or [1, 2], batch or [1, 4, 8], rounds, runs, concurrency or [1, 2, 4, 8], checkpoint
    )
    judged = data is not None or boards > 0
    with _plainly(), _progress(plan.steps(accuracy=judged, triton=triton)) as report:
        found: dict[str, Any] = {"machine": machine.described(), "bytes": bench.sizes(plan)}
        found["speed"] = bench.speeds(plan, report)
        if judged:
            shown = Bench.of(data, holdout.split(",")) if data else Bench.drawn(boards)
            found["boards"] = f"groups {holdout}" if data else f"{boards} generated boards"
            found["accuracy"] = bench.accuracies(plan, shown, report)
        if triton:
            found["triton"] = asyncio.run(bench.served(plan, report))
        _write(json_file, found)
        _draw(plot, bench.lines(found["speed"]), "p95 of a call, ms")
    console.print(*tables.speed(found["speed"], found["bytes"]))
    if judged:
        console.print(tables.accuracy(found["accuracy"], found["boards"]))
    if triton:
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
    write: Annotated[bool, typer.Option(help="Put the best setting into the model's config.pbtxt.")] = False,
    json_file: Json = None,
    plot: Plot = None,
) -> None:
    """Sweep Triton's scheduling of the model: instance_group and dynamic_batching of config.pbtxt by figures.

    Each setting is loaded into a real Triton on loopback and asked through shared memory by 1, 2, 4 and 8 at once;
    every arrangement also without dynamic batching. A batch is worth it where the processor is not full with one
    picture, as on GPUs; a delay makes it larger and is paid in full by whoever asks alone. Instances overlap one
    picture's way through Triton with another's inference. The best is the one with most pictures a second within
    --p99-limit-ms; its lines for config.pbtxt are printed, and with --write they are put there. A running Triton takes
    them at its next start.

    Example: jidoka bench batching --json batching.json --plot model_repository/pcb_detector/batching.svg
    """
    from tools.bench import batching as bench
    from tools.bench import machine, stanza, tables, triton

    with _plainly():
        settings = list(
            bench.settings(arrangement or ["1x2", "2x1", "2x2"], delay_us or [0, 500, 2000], preferred or [0, 4])
        )
        plan = bench.Plan(model, settings, concurrency or [1, 2, 4, 8], seconds, rounds)
        with _progress(plan.steps) as report:
            rows = asyncio.run(bench.sweep(plan, report))
        best, setting = bench.chosen(rows, settings, p99_limit_ms)
        _write(json_file, {"machine": machine.described(), "p99_limit_ms": p99_limit_ms, "best": best, "rows": rows})
        _draw(plot, bench.lines(rows), "p99 of a request, ms")
        console.print(tables.batching(rows, best))
        file = model / "config.pbtxt"
        text = stanza.scheduled(file.read_text(encoding="utf-8"), setting.applied(triton.configuration(model)))
        console.print(f"Best within {p99_limit_ms:g} ms: {setting}, {best['per_second']} pictures a second")
        console.print(stanza.stanza(text), soft_wrap=True, highlight=False, markup=False)
        if write:
            stanza.write(file, text)
            console.print(f"Written into {file}", soft_wrap=True, highlight=False)


@app.command()
def rules(
    plant: Annotated[Path, typer.Option(help="The plant file whose rules are folded.")] = Path(
        "deploy/plants/demo.yaml"
    ),
    verdicts: Annotated[int, typer.Option(min=1_000, help="Verdicts, each way.")] = 20_000,
    defective: Annotated[float, typer.Option(min=0, max=1, help="Share of defective parts.")] = 0.02,
    json_file: Json = None,
) -> None:
    """Fold made-up verdicts by a plant's rules: purely, and from a real JetStream with checkpoints in a real Redis.

    The pure fold is measured in processor time; the way from the stream in wall time, with the broker and Redis on the
    same machine, and in this process's processor time beside it.

    Example: jidoka bench rules --json rules.json
    """
    from services.contracts import plant as plants
    from tools.bench import machine
    from tools.bench import rules as bench

    with _plainly(), console.status("Folding"):
        found = plants.load(plant)
        figures: dict[str, Any] = {"machine": machine.described(), "verdicts": verdicts, "defective": defective}
        figures |= bench.fold(found, verdicts, defective)
        figures |= asyncio.run(bench.stream(found, verdicts, defective))
    _write(json_file, figures)
    console.print(
        f"{figures['fold_verdicts_per_s']:,} verdicts a second in the pure fold; from the stream with checkpoints "
        f"{figures['stream_verdicts_per_s']:,}, or {figures['stream_verdicts_per_processor_s']:,} for each second of a "
        "processor of its own."
    )


@app.command()
def line(
    rounds: Annotated[int, typer.Option(min=1, help="Pauses, each way and with each security policy.")] = 30,
    nodesets: Annotated[
        Path, typer.Option(help="OPC UA node sets (`make nodesets`): 200 results/s to 5 SCADA clients as well.")
    ] = Path(".nodesets"),
    json_file: Json = None,
) -> None:
    """Hold a simulated line: how long until the PLC has acknowledged, and until the machine is Held.

    Over a real bus, rules and bridge, counted from the fifth bad verdict; and by a client of a few lines that writes a
    Boolean and polls every 100 ms what becomes of it. Both take turns, on two PLCs (20 ms cycle, 400 ms from Holding to
    Held), encrypted with each policy that there is. A factor says how many times as long the few lines take.

    Example: jidoka bench line --json line.json
    """
    from tools.bench import line as bench
    from tools.bench import machine, scada, tables

    with _plainly(), _progress(rounds * len(bench.POLICIES)) as report:
        found: dict[str, Any] = {"machine": machine.described(), "poll_s": bench.POLL_S, "holding_ms": bench.HOLDING_MS}
        found["rows"] = asyncio.run(bench.pauses(rounds, report))
        if nodesets.is_dir():
            found["scada"] = scada.scada(nodesets)
    _write(json_file, found)
    console.print(tables.paused(found["rows"]))
    if shown := found.get("scada"):
        console.print(
            f"To {shown['clients']} SCADA clients {shown['results_per_second']:.0f} results a second: "
            f"{shown['received']:,} of {shown['expected']:,} received, {shown['lost']:,} lost, "
            f"p99 {shown['p99_ms']:.0f} ms."
        )


def _write(path: Path | None, found: dict[str, Any]) -> None:
    if path is not None:
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _draw(path: Path | None, lines: dict[str, Any], y_title: str) -> None:
    from tools.bench import plot

    if path is not None:
        path.write_text(plot.svg(lines, "pictures a second", y_title), encoding="utf-8")


@contextmanager
def _progress(steps: int) -> Iterator[Callable[[str], None]]:
    """A bar that goes on with every report of what is measured next; it leaves nothing behind."""
    with Progress(console=console, transient=True) as progress:
        task, begun = progress.add_task("", total=steps), iter(range(steps))

        def report(what: str) -> None:
            progress.update(task, description=what, completed=next(begun, steps))

        yield report


@contextmanager
def _plainly() -> Iterator[None]:
    """A wrong folder, or a Triton that will not start, ends with its message, not with a stack trace."""
    from google.protobuf.text_format import ParseError
    from onnxruntime.capi import onnxruntime_pybind11_state as ort
    from tritonclient.utils import InferenceServerException

    from services.chassis.errors import MeshError

    refused = [of for of in vars(ort).values() if isinstance(of, type) and issubclass(of, Exception)]
    try:
        yield
    except (ValueError, OSError, MeshError, InferenceServerException, ParseError, *refused) as error:
        console.print(f"[red]The bench failed:[/] {escape(str(error))}", soft_wrap=True, highlight=False)
        raise typer.Exit(1) from None
