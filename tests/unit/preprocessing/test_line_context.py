"""What the MES says of a line stands on its parts' verdicts; a change takes effect between two parts, never in one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_inspect import CAMERA, FRAME, PLANT, Clock, Twins

from services.contracts import plant as plants
from services.preprocessing.domain.context import Change, ContextBook, Setup
from services.preprocessing.handlers import Inspector

LINE = "lyon/smt1"


def two_recipes() -> plants.Plant:
    """The demo, whose stations may look in a second way as well."""
    told = PLANT.model_dump(mode="json")
    told["recipes"].append({**told["recipes"][0], "name": "other"})
    for site in told["sites"]:
        for line in site["lines"]:
            for station in line["stations"]:
                station["recipes"] = [*station["recipes"], "other"]
    return plants.Plant.model_validate(told)


@pytest.fixture
def twins() -> Twins:
    return Twins()


@pytest.fixture
def inspector(twins: Twins):
    with ThreadPoolExecutor(1) as pool:
        yield Inspector(
            two_recipes(), lambda _: twins.picture, twins, twins, twins, pool, 2, frozenset(), "code", Clock()
        )


async def test_the_verdict_says_what_the_part_was_made_of_and_the_camera_knows_better(inspector, twins):
    setup = Setup(lot="L7", material="PCB-4711", supplier="A", tool="stencil-3", job_order="JO-1")
    inspector.contexts.take(LINE, Change(100.0, "", setup))
    await inspector.inspect(replace(FRAME, captured_at_s=101.0, context={"tool": "stencil-4", "cavity": "7"}), CAMERA)

    assert twins.seen[0].frame.context == {
        "tool": "stencil-4",
        "cavity": "7",
        "material": "PCB-4711",
        "material_lot": "L7",
        "supplier": "A",
        "job_order": "JO-1",
    }
    assert twins.seen[0].frame.lot_id == "lot1"  # a part's number counts within its own lot


async def test_a_part_in_flight_keeps_its_recipe_and_the_next_one_has_the_new(inspector, twins):
    looking, go_on = asyncio.Event(), asyncio.Event()
    detect = twins.detect

    async def slow(*arguments):
        looking.set()
        await go_on.wait()
        return await detect(*arguments)

    twins.detect = slow
    first = asyncio.create_task(inspector.inspect(replace(FRAME, captured_at_s=99.0), CAMERA))
    await asyncio.wait_for(looking.wait(), 10)
    inspector.contexts.take(LINE, Change(98.0, "", Setup(recipe="other")))  # before the capture, but heard too late
    go_on.set()
    await first
    await inspector.inspect(replace(FRAME, inspection_id="i-2", part_sequence=2, captured_at_s=100.0), CAMERA)

    assert [seen.frame.recipe for seen in twins.seen] == ["pcb", "other"]


async def test_a_frame_that_a_camera_kept_is_looked_at_as_was_right_when_it_was_taken(inspector, twins):
    inspector.contexts.take(LINE, Change(100.0, "aoi1", Setup(recipe="other")))
    inspector.contexts.take(LINE, Change(100.0, "aoi9", Setup(tool="of another station")))
    await inspector.inspect(replace(FRAME, captured_at_s=99.9), CAMERA)
    await inspector.inspect(replace(FRAME, inspection_id="i-2", captured_at_s=100.0), CAMERA)
    await inspector.inspect(replace(FRAME, inspection_id="i-3", captured_at_s=100.0, recipe="pcb"), CAMERA)

    assert [seen.frame.recipe for seen in twins.seen] == ["pcb", "other", "pcb"]
    assert all("tool" not in seen.frame.context for seen in twins.seen)


async def test_a_recipe_that_a_station_has_not_leaves_it_at_its_own(inspector, twins):
    inspector.contexts.take(LINE, Change(1.0, "", Setup(recipe="of the other station")))
    await inspector.inspect(replace(FRAME, captured_at_s=2.0), CAMERA)

    assert twins.seen[0].frame.recipe == "pcb"


setups = st.builds(Setup, lot=st.sampled_from(["", "L1", "L2"]), recipe=st.sampled_from(["", "a", "b"]))
changes = st.lists(st.builds(Change, st.floats(1, 1000), st.sampled_from(["", "s1", "s2"]), setups), max_size=150)


@given(said=changes, station=st.sampled_from(["s1", "s2", "s3"]))
def test_the_newest_word_on_each_thing_holds_however_much_was_said_before(said: list[Change], station: str):
    book = ContextBook()
    for change in sorted(said, key=lambda each: each.at_s):
        book.take(LINE, change)
    expected = Setup()
    for change in sorted(said, key=lambda each: each.at_s):
        if change.station in ("", station):
            expected = expected.after(change.setup)

    assert book.at(LINE, station, 0.0) == expected == book.at(LINE, station, 1000.0)
