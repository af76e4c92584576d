"""A power cut, imitated: the broker's disk as it was at that moment, with nothing flushed for the occasion.

The store lies on a file system in a file. Whatever had reached that file when the power went is what a real disk would
hold; what the kernel still had in memory is gone. The copy takes a moment and is not taken at one instant, so what it
costs is measured from below.
"""

import asyncio
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from services.chassis.run import cancel
from services.contracts.subjects import GOLDENS
from tools.chaos import oracle
from tools.chaos.ledgers import Said
from tools.chaos.plant_book import Book, figures
from tools.chaos.plant_camera import Pictures
from tools.chaos.plant_crew import cameras_at, pictures, register
from tools.chaos.plant_disk import on_an_image
from tools.chaos.plant_floor import PlantFloor
from tools.chaos.plant_recovery import Report
from tools.chaos.plant_stand import standing, up_again
from tools.chaos.plant_witness import Witness

_IMAGE_BYTES = 256 << 20
_WORK_S, _BACK_S = 30.0, 300.0
_PERIOD_S = 0.15


async def ordeal(folder: Path, seed: int, report: Report) -> dict[str, Any]:
    """Work, cut the power, start again, count. Raises PlantFailed, TimeoutError, PermissionError where not root."""
    if os.geteuid():
        raise PermissionError("only root may mount a file as a disk: run it as root")
    image = folder / "disk.img"
    with image.open("wb") as file:
        file.truncate(_IMAGE_BYTES)
    formatting = ["mkfs.ext4", "-q", str(image)]
    await asyncio.to_thread(subprocess.run, formatting, check=True, capture_output=True)
    seen = await asyncio.to_thread(pictures, seed)
    report("starting the plant", 0)
    async with standing(folder, store=on_an_image(image)) as floor:
        await register(floor, seen.goldens)
        return await _cut(floor, image, seen, seed, report)


async def _cut(floor: PlantFloor, image: Path, seen: Pictures, seed: int, report: Report) -> dict[str, Any]:
    book, over = Book(), asyncio.Event()
    async with cameras_at(floor, seen, book, seed) as cameras:
        working = [
            asyncio.create_task(each.work(len(cameras) * _PERIOD_S, 1 << 30, 0, lambda: True, list, over))
            for each in cameras
        ]
        try:
            report("working", 0)
            await asyncio.sleep(_WORK_S)
            report("the power goes", 1)
            cut_at = time.time()
            await asyncio.to_thread(shutil.copyfile, image, image.with_suffix(".cut"))
            before = [said for said in book.told if said.at < cut_at]
            await asyncio.to_thread(floor.host.kill)
            image.with_suffix(".cut").replace(image)
            report("starting again", 1)
            await up_again(floor)
            goldens_lost = [name for name in seen.goldens if not await _stands(floor, name)]
            await register(floor, seen.goldens)  # by hand: the cameras do not have them
            back_s = await _verdicts_again(book, time.time())
            over.set()
            await asyncio.gather(*working)
            unanswered = sum([await camera.drain(_BACK_S) for camera in cameras])
        finally:
            await cancel(*working)
    kept = await Witness(floor).verdicts()
    found = {**figures(book), **oracle.verdicts(before, kept), "unanswered": unanswered}
    return {
        **found,
        "goldens_lost": len(goldens_lost),
        "verdicts_again_s": {"after the start": back_s},
        "lost_from_the_last_s": _oldest(before, kept, cut_at),
    }


async def _stands(floor: PlantFloor, golden: str) -> bool:
    """Whether a golden template has outlived the cut. Raises TimeoutError."""
    async with asyncio.timeout(_BACK_S):
        while True:
            try:
                await (await floor.bus.jetstream.object_store(GOLDENS)).get_info(golden)
                return True
            except NotFoundError:
                return False
            except (NatsError, TimeoutError, OSError):
                await asyncio.sleep(_PERIOD_S)


async def _verdicts_again(book: Book, since: float) -> float:
    async with asyncio.timeout(_BACK_S):
        while not any(said.at > since for said in book.told[-1:]):  # noqa: ASYNC110  # a list sets no event
            await asyncio.sleep(_PERIOD_S)
    return round(time.time() - since, 1)


def _oldest(told: list[Said], kept: list[Said], cut_at: float) -> float:
    """How long before the cut the oldest verdict was acknowledged that it took; 0: it took none."""
    there = {(said.station, said.inspection_id) for said in kept}
    gone = [said.at for said in told if (said.station, said.inspection_id) not in there]
    return round(cut_at - min(gone), 2) if gone else 0.0
