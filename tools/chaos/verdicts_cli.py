"""`jidoka chaos verdicts`."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from tools.chaos.line_cli import in_silence
from tools.chaos.plant_show import conclude, ended_early, new_folder, progress


def verdicts(
    frames: Annotated[int, typer.Option(min=20, max=1_000_000, help="How many parts the camera sees.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Draws frames, resends and changes; time still differs.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures into this file.")] = None,
) -> None:
    """Prove that what a camera is told is, byte for byte, what the stream holds: exit 1 unless it is.

    A plant of its own, as far as a verdict needs one. Frames are sent once, twice at once, and again much later; other
    pictures and other parts come under ids that are in use, must be refused, and must leave the first one's picture
    readable. Meanwhile postprocessing, preprocessing, broker, Redis and Triton are killed by turns, the model is
    swapped for another that is signed and trusted, and products get other golden templates.

    Example: jidoka chaos verdicts --frames 10000 --seed 7 --json verdicts.json
    """
    from tools.chaos import verdicts as ordeal  # noqa: PLC0415  # `jidoka` must start quickly
    from tools.plant.control import PlantFailed  # noqa: PLC0415

    folder, began = new_folder(), time.monotonic()
    with in_silence(), progress(frames) as report:
        try:
            found = asyncio.run(ordeal.ordeal(folder, frames, seed, report))
        except (TimeoutError, OSError, PlantFailed) as error:
            ended_early(error, folder)
    conclude({"seed": seed, "seconds": round(time.monotonic() - began, 1), **found}, json_file, folder)
