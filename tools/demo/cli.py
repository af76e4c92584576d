"""`jidoka demo`."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tools.plant.cli import DEFAULT_PLANT, DEFAULT_STATE
from tools.plant.control import PlantFailed

console = Console()


def demo(
    boards: Annotated[int, typer.Option(min=20, max=10_000, help="How many boards to make.")] = 200,
    rate: Annotated[float, typer.Option(min=0.5, max=100, help="Boards per second.")] = 8.0,
    images: Annotated[Path | None, typer.Option(help="Folder that holds PCBData/: real boards, not ours.")] = None,
    split: Annotated[str, typer.Option(help="Which boards of --images, relative to it.")] = "PCBData/trainval.txt",
    seed: Annotated[int, typer.Option(min=0, help="Another seed makes other boards.")] = 1,
    summary: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    sheet: Annotated[Path, typer.Option(help="Picture of the last bad boards.")] = Path("out/contact-sheet.png"),
    state: Annotated[Path, typer.Option(envvar="JIDOKA_STATE", help="Folder of the plant's state.")] = DEFAULT_STATE,
    plant: Annotated[Path, typer.Option(help="The plant file.")] = DEFAULT_PLANT,
    keep_up: Annotated[bool, typer.Option("--keep-up", help="Leave the plant running.")] = False,
) -> None:
    """Show the main job: boards in, verdicts out, the line paused when a defect repeats, the work order opened.

    The exit code is not 0 when the run of defects did not stop the line, a work order is missing or doubled, or an
    acknowledged verdict was lost.
    """
    from tools.demo.run import Options, run  # noqa: PLC0415  # two seconds that `jidoka status` must not pay

    options = Options(boards, rate, images, split, seed, sheet, state.resolve(), plant.resolve(), keep_up)
    try:
        result = asyncio.run(run(options, console))
    except (PlantFailed, ValueError, OSError, TimeoutError) as error:
        console.print(f"[red]The demo failed:[/] {error or type(error).__name__}", soft_wrap=True)
        raise typer.Exit(1) from None
    if summary is not None:
        summary.parent.mkdir(parents=True, exist_ok=True)
        summary.write_text(json.dumps(result.figures, indent=1) + "\n", encoding="utf-8")
    for failure in result.failures:
        console.print(f"[red]✗ {failure}[/]")
    raise typer.Exit(1 if result.failures else 0)
