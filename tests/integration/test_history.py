"""History read back from a real broker: all of it, from a time on, and as a file for dry runs elsewhere."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from jidoka.frame.v1 import frame_pb2
from jidoka.verdict.v1 import verdict_pb2

from services.chassis.bus import Bus
from services.contracts.subjects import PAUSE_REQUESTED, VERDICT_REACHED
from tools.plant.facts import kept
from tools.rules.dry_run import from_file, write

AT = frame_pb2.StationPath(site="lyon", line="smt1", station="aoi1")


async def published(bus: Bus, count: int) -> None:
    for number in range(1, count + 1):
        verdict = verdict_pb2.Verdict(inspection_id=f"i{number}", station=AT, outcome=verdict_pb2.OUTCOME_PASS)
        await bus.publish(VERDICT_REACHED.at(AT), verdict, verdict.inspection_id)


async def test_every_fact_comes_back_in_order_and_none_of_another_kind(bus: Bus):
    await published(bus, 300)  # more than one batch
    found = [fact async for fact in kept(bus, VERDICT_REACHED)]

    assert [fact.message.inspection_id for fact in found] == [f"i{n}" for n in range(1, 301)]
    assert [fact.sequence for fact in found] == list(range(1, 301))
    assert [fact async for fact in kept(bus, PAUSE_REQUESTED)] == []


async def test_since_leaves_out_what_the_broker_stored_before(bus: Bus):
    await published(bus, 3)
    middle = [fact async for fact in kept(bus, VERDICT_REACHED)][1].stored_at - timedelta(
        microseconds=20
    )  # the broker counts nanoseconds
    found = [fact.message.inspection_id async for fact in kept(bus, VERDICT_REACHED, middle)]

    assert found == ["i2", "i3"]
    later = datetime.now(UTC) + timedelta(hours=1)
    assert [fact async for fact in kept(bus, VERDICT_REACHED, later)] == []


async def test_the_file_for_dry_runs_holds_what_the_broker_held(bus: Bus, tmp_path: Path):
    await published(bus, 4)
    path = tmp_path / "verdicts.jsonl"
    count = await write((fact.message async for fact in kept(bus, VERDICT_REACHED)), path)

    assert count == 4
    assert from_file(path, None) == [fact.message async for fact in kept(bus, VERDICT_REACHED)]
