"""A verdict and what the rules made of it come out again from the broker's streams, or it is said where they differ."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jidoka.frame.v1 import frame_pb2
from jidoka.inspection.v1 import inspection_pb2
from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2

from services.chassis.bus import Bus
from services.chassis.streams import Follower
from services.contracts import plant as plants
from services.contracts.subjects import PAUSE_REQUESTED, STATION, VERDICT_REACHED
from services.postprocessing.adapters import wire
from services.postprocessing.adapters.events import BusActions, BusFacts, routes
from services.postprocessing.adapters.rule_books import book_of, text_of
from services.postprocessing.domain.checkpoint import LineFold
from services.postprocessing.domain.verdict import judge
from services.postprocessing.handlers import RuleKeeper
from tools.replay.cli import compare

PLANT = plants.load(Path(__file__).resolve().parents[2] / "deploy/plants/demo.yaml")
RECIPE = PLANT.recipes[0]
AT = frame_pb2.StationPath(site="lyon", line="smt1", station="aoi1")


def inspected(number: int, score: float) -> inspection_pb2.Inspection:
    names = ("image_sha256", "golden_sha256", "model_name", "model_version", "model_digest", "preprocessing_digest")
    inspection = inspection_pb2.Inspection(
        inspection_id=f"i{number}",
        station=AT,
        part=frame_pb2.PartRef(lot_id="lot", part_sequence=number, product_id="p"),
        recipe=RECIPE.name,
        provenance=inspection_pb2.Provenance(**dict.fromkeys(names, "known")),
    )
    inspection.candidates.add(label="open", x1_px=10, y1_px=10, x2_px=60, y2_px=60, score=score)
    inspection.candidates.add(label="short", x1_px=300, y1_px=10, x2_px=360, y2_px=60, score=0.02)
    inspection.captured_at.FromSeconds(1_000 + number)
    return inspection


def judged(number: int, score: float) -> verdict_pb2.Verdict:
    """As postprocessing does it."""
    inspection = inspected(number, score)
    limits = wire.limits(RECIPE, inspection)
    judgement = judge(wire.candidates(inspection), wire.findings(inspection), limits)
    return wire.verdict(inspection, judgement, RECIPE, limits, 2, datetime.fromtimestamp(1_000 + number, UTC))


class NoCheckpoint:
    async def load(self) -> LineFold:
        return LineFold()

    async def save(self, fold: LineFold) -> bool:
        return True


@pytest.fixture
async def history(bus: Bus) -> Bus:
    """Two good boards, then six opens in a row, and what the real rules said to the real broker about them."""
    await BusFacts(bus).rules_activated("lyon", text_of(PLANT))
    for number in range(1, 9):
        verdict = judged(number, 0.2 if number < 3 else 0.9)
        await bus.publish(VERDICT_REACHED.at(AT), verdict, verdict.inspection_id)
    keeper = RuleKeeper("lyon/smt1", text_of(PLANT), book_of, NoCheckpoint(), BusActions(bus, PLANT))
    follower = Follower(bus, STATION.name, routes(keeper), keeper.reads_behind)
    await keeper.start()
    await follower.start()
    async with asyncio.timeout(30):
        while keeper.position() < 9:  # noqa: ASYNC110  # the fold has no event for it
            await asyncio.sleep(0.01)
    await follower.stop()
    await keeper.stop()
    return bus


@pytest.mark.parametrize("number", [1, 3, 7])
async def test_what_was_decided_is_decided_again(history: Bus, number: int, capsys):
    assert await compare(history, f"i{number}", PLANT)

    said = capsys.readouterr().out
    assert ("verdict FAIL: identical" if number > 2 else "verdict PASS: identical") in said
    assert ("line.pause-requested" in said) is (number > 2)
    assert ("workrequest.requested" in said) is (number > 2)
    assert "differs" not in said


async def test_a_verdict_that_does_not_follow_from_what_stands_on_it_is_found(bus: Bus, capsys):
    forged = judged(1, 0.9)
    forged.outcome = verdict_pb2.OUTCOME_PASS
    await bus.publish(VERDICT_REACHED.at(AT), forged, "i1")

    assert not await compare(bus, "i1", PLANT)
    said = capsys.readouterr().out
    assert "verdict PASS: differs" in said
    assert "outcome: stored 'OUTCOME_PASS', derived 'OUTCOME_FAIL'" in said


async def test_a_stop_that_nothing_explains_is_found(history: Bus, capsys):
    stray = line_pb2.PauseRequested(request_id="stray-1", station=AT, lot_id="lot")
    stray.first_part_sequence, stray.last_part_sequence = 1, 2
    await history.publish(PAUSE_REQUESTED.at(AT), stray, "stray-1")

    assert not await compare(history, "i1", PLANT)
    said = capsys.readouterr().out
    assert "verdict PASS: identical" in said
    assert "line.pause-requested stray-1: differs" in said
    assert "stored, but not derived again" in said


async def test_an_unknown_inspection_or_recipe_version_is_said_so(history: Bus):
    with pytest.raises(ValueError, match="no verdict 'nobody' in the stream: it keeps 14 days"):
        await compare(history, "nobody", PLANT)
    newer = PLANT.model_copy(update={"recipes": (RECIPE.model_copy(update={"version": 2}),)})
    with pytest.raises(ValueError, match="recipe pcb version 1, the plant file has version 2: give the plant file"):
        await compare(history, "i3", newer)
