"""`jidoka rules`: what the rules of a plant do, before they do it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(no_args_is_help=True, help="Prove rules before they decide anything.")
console = Console()


@app.callback()
def rules() -> None:
    """Prove rules before they decide anything."""


@app.command()
def arl(
    runs: Annotated[int, typer.Option(min=2, help="Simulated runs for each row; very long rows take fewer.")] = 4000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same table.")] = 1,
    markdown: Annotated[Path | None, typer.Option(help="Write the table for the docs to this file.")] = None,
) -> None:
    """Simulate the average run lengths of the control charts and compare them with computed and published ones."""
    from tools.rules import arl as table  # noqa: PLC0415  # numpy: a second that `jidoka status` must not pay

    with console.status("Simulating") as status:
        rows = []
        for row in table.simulate(runs, seed):
            rows.append(row)
            status.update(f"Simulated {row.case.rule} {row.case.parameters}, {row.case.condition}")
    console.print(table.as_table(rows))
    console.print(f"{table.summary(rows)}; seed {seed}.", highlight=False)
    if markdown:
        markdown.write_text(table.as_markdown(rows, runs, seed), encoding="utf-8")
