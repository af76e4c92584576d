"""`jidoka rules`: what the rules of a plant do, before they do it."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from services.chassis.errors import MeshError
from services.contracts import plant as plants
from tools.plant.cli import DEFAULT_PLANT, DEFAULT_STATE
from tools.plant.state import PlantState, read_state

app = typer.Typer(no_args_is_help=True, help="Prove rules before they decide anything.")
console = Console()
T = TypeVar("T")


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


Since = Annotated[datetime | None, typer.Option(help="Only parts judged from then on (UTC), such as 2026-11-14.")]
State = Annotated[
    Path, typer.Option(envvar="JIDOKA_STATE", help="Folder of the running plant whose broker has the history.")
]


@app.command()
def history(
    out: Annotated[Path, typer.Argument(help="File to write: one verdict a line, JSON.")],
    state: State = DEFAULT_STATE,
    since: Since = None,
) -> None:
    """Write down the verdicts that a plant's broker keeps, for dry runs elsewhere."""
    from tools.rules import dry_run  # noqa: PLC0415

    with _plainly():
        count = asyncio.run(dry_run.write(dry_run.from_broker(_running(state), _utc(since)), out))
    console.print(f"{count} verdicts in {out}")


@app.command("dry-run")
def dry(
    rules: Annotated[Path, typer.Option(help="Plant file with the new rules.")],
    active: Annotated[Path, typer.Option(help="Plant file with the rules in force.")] = DEFAULT_PLANT,
    verdicts: Annotated[Path | None, typer.Option(help="History from a file that `history` wrote.")] = None,
    state: State = DEFAULT_STATE,
    since: Since = None,
    order_hours: Annotated[float, typer.Option(min=0, help="An order is completed after so long.")] = 8.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything into this file.")] = None,
) -> None:
    """What new rules would have done on history: stops, orders, notices and warnings, beside the active ones.

    Both are folded over the same parts under the same assumption: each stop is confirmed at once and resumed before the
    next part. Nothing is sent to anybody.

    jidoka rules dry-run --rules new.yaml --since 2026-11-14
    """
    from services.postprocessing.adapters.rule_books import book_of, text_of  # noqa: PLC0415
    from tools.rules import dry_run  # noqa: PLC0415
    from tools.rules.what_if import only  # noqa: PLC0415

    with _plainly():
        books = [book_of(text_of(plants.load(path))) for path in (active, rules)]
        if verdicts is not None:
            seen = dry_run.from_file(verdicts, _utc(since))
        else:
            seen = asyncio.run(_listed(dry_run.from_broker(_running(state), _utc(since))))
        if not seen:
            raise ValueError("no verdicts there: nothing to try the rules on; mind --since")
        before, after = dry_run.compare(seen, books[0], books[1], 3600 * order_hours)
    console.print(dry_run.side_by_side(before, after))
    for title, wishes in (
        ("only the new rules", only(after.wishes, before.wishes)),
        ("only the active rules", only(before.wishes, after.wishes)),
    ):
        if wishes:
            console.print(dry_run.differences(title, wishes))
    if json_file:
        json_file.write_text(json.dumps(dry_run.as_json(before, after), indent=1) + "\n", encoding="utf-8")


@app.command()
def chart(
    episode: Annotated[str, typer.Argument(help="The incident's id, as orders, warnings and stops name it.")],
    out: Annotated[Path, typer.Option(help="SVG file to write.")] = Path("chart.svg"),
    state: State = DEFAULT_STATE,
    plant: Annotated[
        Path | None, typer.Option(help="The plant file of that time; the plant's own unless given.")
    ] = None,
) -> None:
    """Draw why a rule fired: its statistic part by part, the limit, the parts outside, the suspects and the signal.

    jidoka rules chart 8f14e45fceea167a5a36dedd4bea2543 --out chart.svg
    """
    from tools.rules import chart as drawing  # noqa: PLC0415
    from tools.rules import incident  # noqa: PLC0415

    logging.getLogger("jidoka.rules").setLevel(logging.ERROR)  # what the rules said then is no news
    with _plainly():
        running = _running(state)
        found = asyncio.run(incident.from_broker(running, plants.load(plant or running.plant_file), episode))
        out.write_text(drawing.svg(found), encoding="utf-8")
    console.print(f"{found.rule.id}: {found.why.detail}: {out}", highlight=False, soft_wrap=True)


async def _listed(found: AsyncIterator[T]) -> list[T]:
    return [each async for each in found]


def _utc(since: datetime | None) -> datetime | None:
    return since and since.replace(tzinfo=UTC)


def _running(state: Path) -> PlantState:
    found = read_state(state.resolve())
    if found is None or not found.running():
        raise ValueError(f"no plant runs in {state}: start it with `jidoka up`, or give --verdicts FILE")
    return found


@contextmanager
def _plainly() -> Iterator[None]:
    """What a user can mend ends with its message, not with a stack trace."""
    try:
        yield
    except (ValueError, OSError, MeshError) as error:
        console.print(f"[red]That did not work:[/] {error}", soft_wrap=True, highlight=False)
        raise typer.Exit(1) from None
