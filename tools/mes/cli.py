"""`jidoka mes probe | dry-run | list | requeue`."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services.chassis.errors import MeshError
from services.contracts import plant as plants
from services.mes_connector.domain.order import Order
from services.mes_connector.domain.progress import Finding, Preview
from services.mes_connector.domain.work_request import BadRequest, Kind, WorkRequest
from tools.mes import orders
from tools.plant import credentials
from tools.plant.cli import DEFAULT_STATE
from tools.plant.state import PlantState, read_state

app = typer.Typer(no_args_is_help=True, help="The system that takes work requests, and the orders on their way to it.")
console = Console()
# The adapters are imported when a command needs one: `jidoka` must start quickly.
# ruff: noqa: PLC0415
State = Annotated[Path, typer.Option(envvar="JIDOKA_STATE", help="Folder of the running plant.")]
PlantFile = Annotated[Path | None, typer.Option("--plant", help="A plant file instead of the running plant's.")]
Secret = Annotated[
    Path | None, typer.Option(help="File with the MES's secret; of the running plant unless --plant is given.")
]
CaFile = Annotated[Path | None, typer.Option(help="Certificate authority of the MES (PEM).")]


@app.command()
def probe(
    state: State = DEFAULT_STATE,
    plant: PlantFile = None,
    secret_file: Secret = None,
    ca_file: CaFile = None,
    deadline_s: Annotated[float, typer.Option(min=0.1, help="Of each question, in seconds.")] = 10.0,
) -> None:
    """Check credentials, fields, permissions and every reference of the mapping; changes nothing there.

    Exit code 1 when anything is missing: what, and what to do about it, stands in the table.

    Example: jidoka mes probe --plant plant.yaml --secret-file mes.secret
    """
    with _plainly():
        known, secret = _plant(state, plant), secret_file or _own_secret(state, plant)
        findings = asyncio.run(_examine(known, secret, ca_file, deadline_s))
    table = Table("", "what", "found", "fix", box=None, pad_edge=False)
    for finding in findings:
        mark = "[green]good[/]" if finding.good else "[red]wrong[/]"
        table.add_row(mark, *map(escape, (finding.what, finding.detail, finding.fix)))
    console.print(f"{known.mes.name} ({known.mes.adapter}) at {known.mes.url}", highlight=False)
    console.print(table)
    raise typer.Exit(0 if findings and all(finding.good for finding in findings) else 1)


@app.command("dry-run")
def dry_run(
    key: Annotated[str, typer.Argument(help="Of a work request that was said; nothing: a sample.")] = "",
    state: State = DEFAULT_STATE,
    plant: PlantFile = None,
    kind: Annotated[Kind, typer.Option(help="Of the sample.")] = Kind.MAINTENANCE,
) -> None:
    """Print the request as it would be sent, without secrets; nothing is sent. Exit code 1: it cannot be mapped.

    Example: jidoka mes dry-run --plant plant.yaml --kind supplier_quality
    """
    from tools.mes import system

    with _plainly():
        known = _plant(state, plant)
        request = asyncio.run(_requested(_running(state), key)) if key else system.sample(known, kind)
        shown = asyncio.run(_preview(known, request))
    console.print(f"{shown.method} {shown.target}\n\n{shown.body}", soft_wrap=True, highlight=False, markup=False)


@app.command("list")
def list_orders(
    state: State = DEFAULT_STATE,
    dead: Annotated[bool, typer.Option("--dead", help="Only those that wait for a person.")] = False,
) -> None:
    """Show the work requests that the streams keep, and how far each got."""
    with _plainly():
        found = [order for order in _known(state) if order.status == "dead" or not dead]
    table = Table("key", "status", "order", "for", "what", box=None, pad_edge=False)
    for order in found:
        age = f"{(time.time() - order.since) / 60:.0f} min"
        what = order.reason or order.title
        table.add_row(*map(escape, (order.key, order.status, order.external_id, age, what)))
    console.print(table if found else "There are none.")


@app.command()
def requeue(
    keys: Annotated[list[str] | None, typer.Argument(help="Of dead orders; see `jidoka mes list --dead`.")] = None,
    state: State = DEFAULT_STATE,
    every: Annotated[bool, typer.Option("--all", help="Every dead order.")] = False,
) -> None:
    """Try dead orders again, when what they died of is mended; each is looked up in the MES first."""
    with _plainly():
        if bool(keys) == every:
            raise ValueError("name keys, or say --all")
        found = {order.key: order for order in _known(state)}
        wanted = [order.key for order in found.values() if order.status == "dead"] if every else list(keys or ())
        for key in wanted:
            if key not in found or found[key].status != "dead":
                raise ValueError(f"{key} is {found[key].status if key in found else 'not known'}: not tried again")
        asyncio.run(_requeue(_running(state), [found[key] for key in wanted]))
    console.print(f"{len(wanted)} to be tried again. See: jidoka mes list")


def _running(state: Path) -> PlantState:
    running = read_state(state.resolve())
    if running is None or not running.running():
        raise ValueError(f"no plant runs in {state}: start it with `jidoka up`")
    return running


def _plant(state: Path, file: Path | None) -> plants.Plant:
    return plants.load(file or _running(state).plant_file)


def _own_secret(state: Path, file: Path | None) -> Path | None:
    return None if file else credentials.secret_file(_running(state).root, credentials.MES_SECRET)


def _known(state: Path) -> list[orders.Known]:
    async def read() -> list[orders.Known]:
        async with orders.broker_of(_running(state)) as bus:
            return list((await orders.known(bus)).values())

    return asyncio.run(read())


async def _requested(running: PlantState, key: str) -> WorkRequest:
    async with orders.broker_of(running) as bus:
        return await orders.request_of(bus, key)


async def _requeue(running: PlantState, wanted: Sequence[orders.Known]) -> None:
    async with orders.broker_of(running) as bus:
        for order in wanted:
            await orders.requeue(bus, order)


async def _examine(
    plant: plants.Plant, secret: Path | None, ca_file: Path | None, deadline_s: float
) -> Sequence[Finding]:
    from tools.mes import system

    mes = system.opened(plant.mes, secret, ca_file, deadline_s)
    await mes.start()
    try:
        return await mes.examine()
    finally:
        await mes.stop()


async def _preview(plant: plants.Plant, request: WorkRequest) -> Preview:
    from tools.mes import system

    mes = system.unsent(plant.mes, None)
    try:
        return mes.preview(Order.new(request, "", request.requested_at))
    finally:
        await mes.stop()


@contextmanager
def _plainly() -> Iterator[None]:
    """What was expected to go wrong ends with its message, not with a stack trace."""
    try:
        yield
    except BadRequest as error:
        console.print(f"[red]Cannot be mapped:[/] {escape(f'{error.field}: {error} ({error.fix})')}", soft_wrap=True)
        raise typer.Exit(1) from None
    except (ValueError, OSError, MeshError) as error:
        console.print(f"[red]That did not work:[/] {escape(str(error))}", soft_wrap=True, highlight=False)
        raise typer.Exit(2) from None
