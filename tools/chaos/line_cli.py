"""`jidoka chaos line`."""

import asyncio
import contextlib
import json
import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

console = Console()
_ROWS = ("faults", "intents", "confirmed", "effects", "stale", "double", "without_effect", "unknown", "unanswered")


def line(
    faults: Annotated[int, typer.Option(min=1, max=100_000, help="How often something breaks.")] = 100,
    seed: Annotated[int, typer.Option(help="Draws the faults, their order and their lengths; time still differs.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures into this file.")] = None,
) -> None:
    """Prove that each confirmed pause held the line once and in time, whatever breaks: exit 1 unless it did.

    A real broker, two bridges of which the lease lets one work, a simulated PLC with a memory that survives its death,
    and a wire between them. Pauses are asked for one after the other, each with 3 to 15 s to live, and whoever stands
    at the machine resumes it without waiting for receipts. Meanwhile wire, PLC, PLC program, bridges and broker are
    cut, frozen, slowed, put to sleep, restarted and killed (SIGKILL), about one fault a second. Afterwards the
    receipts are held against what the PLC noted that it had executed, and when.

    An effect whose confirmation could not come back before its request ended is counted as unseen, with the outcome
    that the receipt names instead. It took place once and in time, but the bridge could not know.

    Example: jidoka chaos line --faults 1000 --seed 7 --json line.json
    """
    from tools.chaos import line as ordeal  # noqa: PLC0415  # `jidoka` must start quickly
    from tools.chaos.line_tally import mistakes  # noqa: PLC0415

    folder = Path(tempfile.mkdtemp(prefix="jidoka-chaos-"))
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with in_silence(), Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("starting", total=faults)
        try:
            found = asyncio.run(
                ordeal.ordeal(folder, faults, seed, lambda kind: bar.update(task, description=kind, advance=1))
            )
        except (TimeoutError, OSError) as error:
            why = escape(str(error) or "something did not come back in time")
            console.print(f"[red]It did not come to an end:[/] {why}. The logs are in {folder}.", soft_wrap=True)
            raise typer.Exit(1) from None
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    _show(found)
    if wrong := mistakes(found):
        console.print(f"[red]{escape('; '.join(wrong))}.[/] The logs are in {folder}.", soft_wrap=True)
        raise typer.Exit(1)
    shutil.rmtree(folder)
    unseen = sum(found["unseen"].values())
    rest = f", and {unseen} more took place in time without being seen" if unseen else ""
    console.print(f"[green]Each of the {found['confirmed']} confirmed pauses held the line once and in time{rest}.[/]")


@contextlib.contextmanager
def in_silence() -> Iterator[None]:
    """Where everything is lost all the time, and comes back, nobody needs to be told."""
    levels = {name: logging.getLogger(name).level for name in ("asyncua", "jidoka", "nats")}
    for name in levels:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _show(found: dict[str, Any]) -> None:
    kinds = Table("fault", box=None, pad_edge=False)
    for head in ("times", "met requests", "of them confirmed"):
        kinds.add_column(head, justify="right")
    for kind, row in found["by_fault"].items():
        kinds.add_row(kind, *(f"{row[key]:,}" for key in ("faults", "met", "confirmed")))
    console.print(kinds)
    figures = Table("what", "number", box=None, pad_edge=False)
    for name in _ROWS:
        figures.add_row(name.replace("_", " "), f"{found[name]:,}")
    for name in ("outcomes", "unseen"):
        figures.add_row(name, ", ".join(f"{key} {count:,}" for key, count in found[name].items()) or "none")
    per_minute = 60 * found["faults"] / found["seconds"]
    figures.add_row("seconds", f"{found['seconds']:,.0f} ({per_minute:.0f} faults a minute)")
    console.print(figures)
