"""`jidoka up | status | down | logs | trace`: the embedded plant for people."""

import asyncio
import os
import sqlite3
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from tools.plant import control, supervisor, trace_store, waterfall
from tools.plant.logs import log_file
from tools.plant.state import AS_EVER, REPOSITORY, PlantState, Start, read_state

app = typer.Typer(no_args_is_help=True, help="The embedded plant.")
console = Console()
State = Annotated[Path, typer.Option(envvar="JIDOKA_STATE", help="Folder of the plant's state.")]
DEFAULT_STATE = Path(".jidoka")
DEFAULT_PLANT = REPOSITORY / "deploy" / "plants" / "demo.yaml"
_STYLES = {
    "healthy": "green",
    "done": "green",
    "backing-off": "red",
    "unready": "red",
    "unhealthy": "red",
    "waiting": "dim",
    "stopped": "dim",
}


@app.command()
def up(
    state: State = DEFAULT_STATE,
    plant: Annotated[Path, typer.Option(help="The plant file.")] = DEFAULT_PLANT,
    only: Annotated[list[str] | None, typer.Option(help="Only these parts and what they need.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget all that the plant ever stored.")] = False,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay, and stop the plant with Ctrl-C.")] = False,
    leash: Annotated[int, typer.Option(metavar="PID", help="The plant ends when this process ends.")] = AS_EVER.leash,
    new_ports: Annotated[bool, typer.Option("--new-ports", help="Other ports than before.")] = AS_EVER.new_ports,
    start_limit: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, help="Give up when for so long no part has become healthy.")
    ] = AS_EVER.limit_s,
) -> None:
    """Start the plant and return when every part is healthy; a plant that runs already is only shown."""
    root, source = state.resolve(), _existing(plant)
    try:
        if fresh:
            control.wipe(root)
        control.check_folder(root)
        running = read_state(root)
        if running is not None and running.running() and running.phase == "up":
            console.print(_table(running, asyncio.run(control.probe(running))))
            console.print(f"The plant in {root} runs already.", soft_wrap=True)
            return
        started = time.monotonic()
        with Live(console=console, refresh_per_second=10, transient=True) as live:
            run = supervisor.serve if foreground else control.ensure_up
            start = Start(leash, new_ports, start_limit)
            ended = run(root, source, tuple(only or ()), lambda now: live.update(_table(now)), start=start)
        if isinstance(ended, int):
            raise typer.Exit(ended)
        console.print(_table(ended))
        console.print(f"The plant is up after {time.monotonic() - started:.1f} s. Stop it with: jidoka down")
    except control.PlantFailed as error:
        console.print(f"[red]The plant did not come up:[/] {error}", soft_wrap=True)
        raise typer.Exit(1) from None


@app.command()
def status(state: State = DEFAULT_STATE) -> None:
    """Show every part; the exit code is 0 only if all are healthy."""
    known = read_state(state.resolve())
    if known is None or not known.running():
        console.print(f"No plant runs in {state.resolve()}. Start it with: jidoka up")
        raise typer.Exit(1)
    healthy = asyncio.run(control.probe(known))
    console.print(_table(known, healthy))
    steady = all(part.phase in {"healthy", "done"} for part in known.parts.values())
    raise typer.Exit(0 if known.phase == "up" and steady and all(healthy.values()) else 1)


@app.command()
def down(state: State = DEFAULT_STATE) -> None:
    """Stop the plant and wait until nothing of it runs."""
    control.bring_down(state)
    console.print("The plant is down.")


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="A part, or `plant` for the supervisor.")],
    state: State = DEFAULT_STATE,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on.")] = False,
) -> None:
    """Show the end of a part's log."""
    path = log_file(state.resolve(), name)
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.log"))) or "none yet"
        console.print(f"No log of {name!r}; there are: {known}")
        raise typer.Exit(1)
    os.execvp("tail", ["tail", "-n", "100", *(["-F"] if follow else []), str(path)])  # noqa: S606  # tail knows how to follow


@app.command()
def trace(
    trace_id: Annotated[str, typer.Argument(help="A trace id, `last` for the last part judged, nothing: a list.")] = "",
    state: State = DEFAULT_STATE,
    service: Annotated[str, typer.Option(help="List only traces that went through this service.")] = "",
) -> None:
    """Draw one trace as a waterfall, or list the latest."""
    database = state.resolve() / "traces.db"
    try:
        if not trace_id:
            console.print(waterfall.render_list(trace_store.latest(database, service=service)))
            return
        if trace_id == "last":
            trace_id = "".join(found.trace_id for found in trace_store.latest(database, 1, "postprocessing"))
        spans = trace_store.spans_of(database, trace_id)
    except sqlite3.OperationalError:
        spans = []
    console.print(waterfall.render(spans))
    raise typer.Exit(0 if spans else 1)


def _existing(plant: Path) -> Path:
    """As given, or relative to the repository."""
    return plant.resolve() if plant.exists() else (REPOSITORY / plant).resolve()


def _table(state: PlantState, healthy: dict[str, bool] | None = None) -> Table:
    table = Table("part", "state", "for", "pid", "restarts", "where", box=None, pad_edge=False)
    for name, part in state.parts.items():
        phase = "unready" if healthy is not None and part.phase == "healthy" and not healthy[name] else part.phase
        style = _STYLES.get(phase, "yellow")
        since = f"{time.time() - part.since:.0f} s" if part.since else ""
        table.add_row(name, f"[{style}]{phase}[/]", since, str(part.pid or ""), str(part.restarts), part.url)
    return table
