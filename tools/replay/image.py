"""`jidoka image`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from services.chassis.bus import Bus
from services.chassis.errors import MeshError
from services.contracts import plant as plants
from services.gateway.adapters.evidence_api import StoredPictures, media_type_of
from tools.plant.broker import ADMIN
from tools.plant.cli import DEFAULT_STATE
from tools.plant.state import PlantState, read_state

_MOST_BYTES = 256 << 20
_SUFFIX = {"image/png": ".png", "image/jpeg": ".jpg"}
console = Console()


def image(
    inspection_id: Annotated[str, typer.Argument(help="Of a part that did not pass.")],
    station: Annotated[str, typer.Option(help="site/line/station, where several have used this id.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="File to write; the inspection's id unless given, with the right ending.")
    ] = None,
    state: Annotated[Path, typer.Option(envvar="JIDOKA_STATE", help="Folder of the running plant.")] = DEFAULT_STATE,
) -> None:
    """Fetch the camera's own picture of a part that did not pass.

    jidoka image 0af76519 --out part.png
    """
    try:
        running = read_state(state.resolve())
        if running is None or not running.running():
            raise ValueError(f"no plant runs in {state}: start it with `jidoka up`")
        data = asyncio.run(fetch(running, inspection_id, station))
        file = out or Path(inspection_id.replace(":", "-") + _SUFFIX[media_type_of(data)])
        file.write_bytes(data)
    except (ValueError, OSError, MeshError) as error:
        console.print(f"[red]That did not work:[/] {error}", soft_wrap=True, highlight=False)
        raise typer.Exit(1) from None
    console.print(f"{len(data)} bytes in {file}", soft_wrap=True, highlight=False)


async def fetch(running: PlantState, inspection_id: str, station: str = "") -> bytes:
    """The camera's own file. Raises NotFound, Conflict or Unavailable."""
    bus = Bus(running.url("nats"), ADMIN, running.secret(f"{ADMIN}.nats-password"))
    await bus.start()
    try:
        known = [str(place) for place, _, _ in plants.load(running.plant_file).stations()]
        data, _, _ = await StoredPictures(bus, _MOST_BYTES).get(inspection_id, [station] if station else known)
        return data
    finally:
        await bus.stop()
