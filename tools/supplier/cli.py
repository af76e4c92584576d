"""`jidoka supplier`."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from jidoka.verdict.v1 import verdict_pb2
from rich.console import Console

from services.chassis.errors import MeshError
from services.contracts import plant as plants
from tools.plant.cli import DEFAULT_PLANT, DEFAULT_STATE
from tools.plant.state import read_state

app = typer.Typer(no_args_is_help=True, help="What suppliers delivered, as the line saw it.")
console = Console()


@app.callback()
def supplier() -> None:
    """What suppliers delivered, as the line saw it."""


@app.command()
def report(
    name: Annotated[str, typer.Option("--supplier", help="As it stands in the context of the parts.")],
    out: Annotated[Path, typer.Option(help="Folder for report.html, lots.csv, parts.csv and summary.json.")],
    since: Annotated[datetime | None, typer.Option(help="Only parts judged from then on (UTC).")] = None,
    lot: Annotated[str, typer.Option(help="Only this lot.")] = "",
    material: Annotated[str, typer.Option(help="Only this part number.")] = "",
    agreed_rate: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="The agreed share; the lot_rate rule's unless given."),
    ] = None,
    plant: Annotated[Path, typer.Option(help="The plant file with the lot_rate rule.")] = DEFAULT_PLANT,
    verdicts: Annotated[Path | None, typer.Option(help="A file that `jidoka rules history` wrote.")] = None,
    state: Annotated[
        Path, typer.Option(envvar="JIDOKA_STATE", help="Folder of the running plant that has the history.")
    ] = DEFAULT_STATE,
) -> None:
    """Defect rate of a supplier by lot, part and day, with exact intervals, as files to send.

    Exits with 1 when the parts are worse than agreed (lower bound of the rate, 95 %), with 2 when there is no report.
    """
    from tools.supplier.page import page  # noqa: PLC0415  # scipy: a second that `jidoka status` must not pay
    from tools.supplier.part import parts_of  # noqa: PLC0415
    from tools.supplier.report import Report, write  # noqa: PLC0415

    try:
        agreed = agreed_rate if agreed_rate is not None else _agreed(plants.load(plant))
        parts = parts_of(_verdicts(verdicts, state, since), name, lot=lot, material=material)
        if not parts:
            raise ValueError(f"no parts of {name!r} there: mind --since, and `supplier` in the context of the parts")
        found = Report(name, agreed, parts)
        paths = write(found, page(found), out)
    except (ValueError, OSError, MeshError) as error:
        console.print(f"[red]No report:[/] {error}", soft_wrap=True, highlight=False)
        raise typer.Exit(2) from None
    console.print(found.sentence, highlight=False, soft_wrap=True)
    if found.bad_lots:
        console.print(f"lots worse than agreed: {', '.join(found.bad_lots)}", highlight=False, soft_wrap=True)
    console.print(*paths, sep="\n", highlight=False, soft_wrap=True)
    raise typer.Exit(1 if found.exceeds else 0)


def _agreed(plant: plants.Plant) -> float:
    rates = [rule.agreed_rate for rule in plant.rule_set.rules if rule.kind == "lot_rate"]
    if not rates:
        raise ValueError("the plant file has no lot_rate rule with an agreed rate: give --agreed-rate")
    return min(rates)


def _verdicts(path: Path | None, state: Path, since: datetime | None) -> list[verdict_pb2.Verdict]:
    from tools.rules import dry_run  # noqa: PLC0415

    from_then = since and since.replace(tzinfo=UTC)
    if path is not None:
        return dry_run.from_file(path, from_then)
    running = read_state(state.resolve())
    if running is None or not running.running():
        raise ValueError(f"no plant runs in {state}: start it with `jidoka up`, or give --verdicts FILE")
    return asyncio.run(_listed(dry_run.from_broker(running, from_then)))


async def _listed(found: AsyncIterator[verdict_pb2.Verdict]) -> list[verdict_pb2.Verdict]:
    return [each async for each in found]
