"""`jidoka evaluate`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from services.chassis.errors import MeshError
from tools.plant.cli import DEFAULT_PLANT
from tools.plant.control import PlantFailed

console = Console()


def evaluate(
    data: Annotated[Path, typer.Option(help="Folder that holds PCBData/ in the layout of DeepPCB. It is only read.")],
    split: Annotated[str, typer.Option(help="Which pairs: relative to --data, or a file anywhere.")],
    predictions: Annotated[
        Path | None, typer.Option(help="Write one JSON line a picture: image, boxes, scores, labels.")
    ] = None,
    report: Annotated[
        list[Path] | None, typer.Option(help="Write the figures, OUT.json or OUT.html; may be repeated.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="Use the plant that runs in this folder; otherwise one is started for this.")
    ] = None,
    plant: Annotated[Path, typer.Option(help="The plant file; its first station's first recipe.")] = DEFAULT_PLANT,
) -> None:
    """Measure the mesh on labelled pairs through the served path: preprocessing, Triton, postprocessing.

    The predictions file carries every candidate with a score above 0.01 in pixels of the picture, best first, after
    postprocessing's non-maximum suppression (IoU 0.5) within each class: what average precision is defined on. Those at
    or above the frozen threshold (the report's `threshold`) are the defects of the verdict, no more and no less: it
    suppresses across the classes, and a candidate that lost its place to another class is listed with its score
    multiplied by the threshold. So all that the report says about the parts can be counted from this file as it is.
    """
    from tools.evaluate.run import Options, run  # noqa: PLC0415  # two seconds that `jidoka status` must not pay

    try:
        run(Options(data, split, predictions, report or [], state, plant), console)
    except (PlantFailed, MeshError, ValueError, OSError) as error:
        console.print(f"[red]The evaluation failed:[/] {error}", soft_wrap=True, highlight=False)
        raise typer.Exit(1) from None
