"""How an ordeal of a plant shows itself: its progress, the tables at the end, and the exit code."""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tools.chaos.oracle import MUST_BE_ZERO, mistakes

console = Console()
_FIGURES = (
    *(
        "faults",
        "kills",
        "swaps",
        "swapped_hot",
        "golden_changes",
        "models",
        "goldens",
        "frames",
        "resent",
        "acknowledged",
        "answers",
    ),
    *("conflicts_refused", "evidence_checked", "runs", "requests", "stops", "orders", "unanswered"),
    *("goldens_lost", "lost_from_the_last_s"),
)
_WORDS = ("differing_in", "refusals", "unstruck", "left_out", "verdicts_again_s")


def new_folder() -> Path:
    """Where a plant and its logs shall be."""
    return Path(tempfile.mkdtemp(prefix="jidoka-chaos-"))


@contextlib.contextmanager
def progress(total: int) -> Iterator[Callable[[str, int], None]]:
    """A line that lives; where nobody looks, a line for each tenth."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("drawing boards", total=total)

        def report(what: str, done: int) -> None:
            bar.update(task, description=what, completed=done)
            if not console.is_terminal and done % max(1, total // 10) == 0:
                console.print(f"{done:,} of {total:,}: {what}")

        yield report


def ended_early(error: Exception, folder: Path) -> NoReturn:
    """It did not come to an end."""
    why = escape(str(error) or "something did not come back in time")
    console.print(f"[red]It did not come to an end:[/] {why}. The logs are in {folder}.", soft_wrap=True)
    raise typer.Exit(1) from None


def conclude(found: dict[str, Any], json_file: Path | None, folder: Path, *, is_a_loss: bool = False) -> None:
    """Write, show, and say how it ended, in one sentence; exit by it. A folder in which all went well is deleted.

    `is_a_loss`: something was taken away on purpose, and what that costs is the result and no failure.
    """
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if found.get("recovered_s"):
        console.print(_recoveries(found))
    console.print(_figures(found))
    wrong = mistakes(found)
    if is_a_loss:
        shutil.rmtree(folder)
        console.print(f"It cost: {escape('; '.join(wrong)) or 'nothing'}.", soft_wrap=True)
    elif wrong:
        console.print(f"[red]{escape('; '.join(wrong))}.[/] The logs are in {folder}.", soft_wrap=True)
        raise typer.Exit(1)
    else:
        shutil.rmtree(folder)
        console.print("[green]All ledgers agree, and everything came back by itself.[/]")


def _recoveries(found: dict[str, Any]) -> Table:
    table = Table("part", box=None, pad_edge=False)
    for head in ("back after, s: median", "worst", "helped"):
        table.add_column(head, justify="right")
    for part, worst_s in found["recovered_s"].items():
        helped = found["helped"].get(part, 0)
        table.add_row(part, f"{found['recovered_median_s'][part]:.1f}", f"{worst_s:.1f}", str(helped or ""))
    return table


def _figures(found: dict[str, Any]) -> Table:
    table = Table("what", "number", "must be", box=None, pad_edge=False)
    for name in (name for name in _FIGURES if name in found):
        table.add_row(name.replace("_", " "), f"{found[name]:,}")
    for name in (name for name in MUST_BE_ZERO if name in found):
        style = "red" if found[name] else "green"
        table.add_row(name.replace("_", " "), f"[{style}]{found[name]:,}[/]", "0")
    for name in (name for name in _WORDS if found.get(name)):
        table.add_row(name.replace("_", " "), ", ".join(f"{key}: {each}" for key, each in found[name].items()))
    table.add_row("seconds", f"{found['seconds']:,.0f}")
    return table
