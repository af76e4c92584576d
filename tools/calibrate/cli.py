"""`jidoka calibrate`."""

from pathlib import Path
from typing import Annotated

import typer

from tools.boards.board import BoardError


def calibrate(
    predictions: Annotated[Path, typer.Option(help="What `jidoka evaluate --predictions` wrote.")],
    data: Annotated[Path, typer.Option(help="Folder that holds PCBData/: the truth. It is only read.")],
    split: Annotated[str, typer.Option(help="The split of that evaluation; never one that the model learnt from.")],
    max_miss: Annotated[float, typer.Option(min=1e-4, max=0.5, help="Share of defects that may PASS.")] = 0.005,
    max_false_alarm: Annotated[
        float, typer.Option(min=1e-4, max=0.5, help="Share of parts that may FAIL for nothing.")
    ] = 0.05,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="How sure to be of both.")] = 0.95,
    by_class: Annotated[bool, typer.Option(help="A band for each class; needs that many defects of each.")] = False,
    diagram: Annotated[Path | None, typer.Option(help="Write the reliability diagram, OUT.svg.")] = None,
) -> None:
    """Find the scores between which a person should look, and print the lines for the recipe.

    Fits scores to probabilities (isotonic), and chooses the narrowest INCONCLUSIVE band for which the exact upper
    bounds of both mistakes lie within their limits: defects below it, and parts with an alarm above it where nothing
    is. The bounds are about parts like these; another product, camera or model needs its own.
    """
    from tools.calibrate.run import Options, run  # noqa: PLC0415  # a second that `jidoka status` must not pay

    options = Options(predictions, data, split, max_miss, max_false_alarm, confidence, by_class, diagram)
    try:
        typer.echo(run(options))
    except (BoardError, ValueError, OSError) as error:
        typer.echo(f"The calibration failed: {error}", err=True)
        raise typer.Exit(1) from None
