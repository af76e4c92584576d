"""`jidoka chaos mes`."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tools.chaos.mes_floor import Keeping

console = Console()
_ROWS = ("requests", "keys", "orders", "duplicates", "missing", "dead", "unmappable", "deaths", "freezes", "seconds")


def mes(
    requests: Annotated[int, typer.Option(min=1, max=100_000, help="Work requests, each with a key of its own.")] = 100,
    seed: Annotated[int, typer.Option(help="Draws faults, repeats and deaths; time still differs.")] = 1,
    database: Annotated[Keeping, typer.Option(help="Where the connectors keep their outbox.")] = Keeping.SQLITE,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures into this file.")] = None,
) -> None:
    """Prove that each work request becomes one order, whatever fails: exit 1 unless it does.

    A real broker, the MES sandbox and two connectors of which the lease lets one work. The sandbox refuses 25 % of all
    calls (503), opens 25 % of the orders without ever answering, and answers 10 % with 502 after it has opened them; a
    third of the requests is said twice under another message id; 2 % name equipment that the MES does not know; every
    5 to 20 seconds, by turns, a connector is killed (SIGKILL), or the one that has the lease is frozen (SIGSTOP) until
    the other has taken over, and goes on in the belief that it still has it. Waits are short (0.25 s for a call, 3 s
    before a look-up), because the sandbox stands next door; it takes no signature that is older than 2 s.

    Example: jidoka chaos mes --requests 1000 --seed 7 --database postgresql --json mes.json
    """
    from tools.chaos import mes as ordeal  # noqa: PLC0415  # `jidoka` must start quickly

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        tempfile.TemporaryDirectory() as folder,
        Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar,
    ):
        task = bar.add_task("starting", total=requests)

        def report(what: str, ended: int) -> None:
            bar.update(task, description=what, completed=ended)

        try:
            found = asyncio.run(ordeal.run(Path(folder), requests, seed, database, report))
        except (TimeoutError, OSError, RuntimeError) as error:
            console.print(f"[red]It did not come to an end:[/] {escape(str(error) or 'time is up')}", soft_wrap=True)
            raise typer.Exit(1) from None
    good = ordeal.passed(found)
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    table = Table("what", "number", box=None, pad_edge=False)
    for name in _ROWS:
        table.add_row(name, f"{found[name]:,}")
    console.print(table)
    verdict = "[green]One order for each key, and dead letters are exactly the unmappable ones.[/]"
    console.print(verdict if good else "[red]Orders are doubled, missing or wrongly dead.[/]")
    raise typer.Exit(0 if good else 1)
