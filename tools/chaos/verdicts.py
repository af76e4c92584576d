"""The ordeal of verdicts: what a camera is told, through kills, resends, swaps of the model and changed goldens."""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

from jidoka.verdict.v1 import verdict_pb2

from tools.chaos import oracle
from tools.chaos.plant_book import Book, figures
from tools.chaos.plant_camera import Pictures
from tools.chaos.plant_crew import cameras_at, pictures, tool_of
from tools.chaos.plant_floor import PlantFloor
from tools.chaos.plant_recovery import Report
from tools.chaos.plant_stand import standing
from tools.chaos.plant_witness import Witness
from tools.chaos.verdicts_change import Changes
from tools.chaos.verdicts_frames import Frames
from tools.chaos.verdicts_plan import happenings, shots

PARTS = ("preprocessing", "inference", "postprocessing", "gateway", "issuer")


async def ordeal(folder: Path, frames: int, seed: int, report: Report) -> dict[str, Any]:
    """A whole ordeal in an empty folder, where the logs stay; the figures. Raises PlantFailed, TimeoutError."""
    seen = await asyncio.to_thread(pictures, seed)
    report("starting the plant", 0)
    async with standing(folder, PARTS) as floor:
        return await suffered(floor, folder, frames, seed, seen, report)


async def suffered(
    floor: PlantFloor, folder: Path, frames: int, seed: int, seen: Pictures, report: Report
) -> dict[str, Any]:
    """Make all frames while the plan happens; then hold every answer against the stream. Raises TimeoutError."""
    book = Book()
    async with contextlib.AsyncExitStack() as stack:
        people = await stack.enter_async_context(tool_of(floor))
        changes = Changes(floor, people, folder, seen.goldens, lambda: _model_of(book))
        await changes.register()
        camera, *_ = await stack.enter_async_context(cameras_at(floor, seen, book, seed))
        made = Frames(camera, people, lambda: changes.reached)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(changes.happen(happenings(frames, seed), lambda: made.made))
                group.create_task(made.make(shots(frames, seed), report))
        except* TimeoutError as late:
            raise TimeoutError(f"{changes.doing} did not come to an end") from late
        report("reading the stream", frames)
        kept = await Witness(floor).verdicts()
    compared = oracle.verdicts(book.told, [said for said in kept if said.inspection_id.startswith(camera.lot_id)])
    keys = ("conflicts_refused", "conflicts_accepted", "evidence_checked", "evidence_spoilt")
    return {**figures(book), **compared, **{key: made.found[key] for key in keys}, **changes.figures(), **_seen(book)}


def _model_of(book: Book) -> str:
    """The model behind the newest verdict; empty: it is a stored one, of long ago."""
    if not book.told:
        return ""
    newest = verdict_pb2.Verdict.FromString(book.told[-1].verdict)
    return newest.provenance.model_digest if newest.judged_at.seconds > time.time() - 5 else ""


def _seen(book: Book) -> dict[str, int]:
    """How many models and golden templates have spoken: a change that nobody met proves nothing."""
    provenances = [verdict_pb2.Verdict.FromString(said.verdict).provenance for said in book.told]
    return {
        "models": len({each.model_digest for each in provenances}),
        "goldens": len({each.golden_sha256 for each in provenances}),
    }
