"""Both ordeals of a whole plant, short: one plant, every kind of fault that is over soon, and all ledgers agree."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tools.chaos import oracle, plant_ordeal, verdicts
from tools.chaos.plant_crew import pictures
from tools.chaos.plant_disk import on_a_small_disk
from tools.chaos.plant_floor import MES, PLC
from tools.chaos.plant_plan import CAMERAS, LINE_STREAM, Fault, Kind
from tools.chaos.plant_stand import standing

pytestmark = pytest.mark.timeout(900)  # a plant starts, suffers twice and stops before the first test
SEED, FRAMES = 5, 60
PACE = plant_ordeal.Pace(rate=7.0, run_every=60, at_once=4)
PLAN = [
    Fault(Kind.KILL, "nats", 0.0, 2.0),
    Fault(Kind.FREEZE, "postprocessing", 2.0, 1.0),
    Fault(Kind.CUT, "opcua-bridge", 3.0, 1.0, loud=False),
    Fault(Kind.ANEW, LINE_STREAM, 0.5, 2.0),
    Fault(Kind.FLUSH, "redis", 0.0, 1.0),
    Fault(Kind.BEHIND, CAMERAS, 8.0, 1.0),
    Fault(Kind.FAILING, MES, 5.0, 1.0),
    Fault(Kind.SLOW, PLC, 3.0, 1.0),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return asyncio.run(_both(tmp_path_factory.mktemp("ordeal")))


async def _both(folder: Path) -> dict[str, dict[str, Any]]:
    seen = pictures(SEED)
    async with standing(folder, store=on_a_small_disk()) as floor:
        plan = [*PLAN, *([Fault(Kind.FULL, "nats", 3.0, 1.0)] if floor.disk else [])]
        plant = await plant_ordeal.suffered(floor, plan, seen, SEED, PACE, lambda *_: None)
        told = await verdicts.suffered(floor, folder, FRAMES, SEED, seen, lambda *_: None)
    return {"plant": plant, "verdicts": told}


@pytest.mark.parametrize("ordeal", ["plant", "verdicts"])
def test_whatever_breaks_all_ledgers_agree(found, ordeal):
    assert oracle.mistakes(found[ordeal]) == [], found[ordeal]


def test_the_ordeal_was_one(found):
    plant, told = found["plant"], found["verdicts"]
    assert plant["faults"] >= len(PLAN)
    assert plant["unstruck"] == {}
    assert min(plant["runs"], plant["stops"]) > 0
    assert told["acknowledged"] == FRAMES
    assert told["conflicts_refused"] > 0
    assert min(told[name] for name in ("kills", "swaps", "golden_changes")) > 0
    assert told["models"] == 2
