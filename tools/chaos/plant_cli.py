"""`jidoka chaos plant`."""

import asyncio
import time
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from tools.chaos.line_cli import in_silence
from tools.chaos.plant_plan import Fault, drawn, station_wiped
from tools.chaos.plant_show import conclude, console, ended_early, new_folder, progress


class Only(Enum):
    """Losses that are measured apart."""

    STATION_WIPED = "station-wiped"
    POWER_CUT = "power-cut"


def plant(
    faults: Annotated[int, typer.Option(min=1, max=100_000, help="How often something breaks.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Draws faults, their order and lengths; time still differs.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures into this file.")] = None,
    show_plan: Annotated[bool, typer.Option("--plan", help="Print what would break when, and break nothing.")] = False,
    at_once: Annotated[int, typer.Option(min=1, max=10, help="So many faults at a time.")] = 3,
    longest_s: Annotated[float, typer.Option(min=1, max=300, help="No fault lasts longer.")] = 20.0,
    rate: Annotated[float, typer.Option(min=0.5, max=100, help="Frames per second, both cameras together.")] = 7.0,
    run_every: Annotated[int, typer.Option(min=20, help="Parts of a camera between two runs of a defect.")] = 100,
    stand_by: Annotated[bool, typer.Option("--stand-by", help="A second bridge and a second postprocessing.")] = False,
    only: Annotated[Only | None, typer.Option(help="Instead of faults: the one loss, and what it costs.")] = None,
) -> None:
    """Prove that a plant keeps its word whatever breaks in it: exit 1 unless it does.

    A whole embedded plant of its own with two stations on one line, whose cameras use the same inspection ids. Some
    frames are overtaken, some are sent twice at once, none is given up. Every 100 parts a machine makes one defect
    until the line stands, and a person resumes it after 1.5 s. Meanwhile every part is killed, frozen, hung, restarted
    and cut off from the others, the broker's disk runs full, cameras' clocks are two minutes wrong, Redis is flushed,
    the stream LINE is made anew, the PLC is slow and the MES fails.

    Afterwards three ledgers are held against each other: what the cameras were told, what the stream holds, and what
    the PLC has executed and the MES has opened. A run of defects is missing its stop when none came while everything
    that a stop takes was there for 60 s. A part that does not answer within four minutes is killed once more, and
    counted as one that needed a hand.

    Two losses are runs of their own, which end well whatever they cost, and say what that is: `--only station-wiped`
    deletes the stream of verdicts and makes it anew, `--only power-cut` takes what the broker had not yet on its disk
    (root only: the disk is a file).

    Example: jidoka chaos plant --faults 200 --seed 7 --json plant.json
    """
    from tools.chaos import plant_ordeal as ordeal  # noqa: PLC0415  # `jidoka` must start quickly
    from tools.chaos import plant_power as power  # noqa: PLC0415

    pace = ordeal.Pace(rate, run_every, 1 if only else at_once)
    plan = station_wiped() if only else drawn(faults, seed, ordeal.scope_of(stand_by=stand_by), longest_s)
    if show_plan:
        _print_plan(plan)
        return
    folder, began = new_folder(), time.monotonic()
    with in_silence(), progress(len(plan)) as report:
        try:
            if only is Only.POWER_CUT:
                found = asyncio.run(power.ordeal(folder, seed, report))
            else:
                found = asyncio.run(ordeal.ordeal(folder, plan, seed, pace, report, stand_by=stand_by))
        except (TimeoutError, OSError, ordeal.PlantFailed) as error:
            ended_early(error, folder)
    found = {"seed": seed, "seconds": round(time.monotonic() - began, 1), **found}
    conclude(found, json_file, folder, is_a_loss=only is not None)


def _print_plan(plan: Sequence[Fault]) -> None:
    table = Table("fault", box=None, pad_edge=False)
    for head in ("after, s", "lasts, s"):
        table.add_column(head, justify="right")
    for fault in plan:
        table.add_row(str(fault), f"{fault.after_s:.1f}", f"{fault.lasts_s:.1f}" if fault.lasts_s else "")
    console.print(table)
