"""What a camera is told is what the stream holds (review B1, faults R1, attack S8), on a real broker."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from jidoka.frame.v1 import frame_pb2
from jidoka.inspection.v1 import inspection_pb2
from jidoka.line.v1 import line_pb2
from jidoka.measurement.v1 import measurement_pb2
from jidoka.verdict.v1 import verdict_pb2, verdict_service_pb2
from nats.js.api import StreamConfig

from services.chassis.bus import Bus
from services.chassis.errors import Conflict
from services.contracts import plant as plants
from services.contracts.plant import Place
from services.contracts.subjects import INCIDENT_CLOSED, MEASUREMENT_RECORDED, STATION, VERDICT_REACHED
from services.postprocessing.adapters.grpc_api import VerdictServicer
from tools.plant.facts import kept

DEMO = plants.load(Path(__file__).resolve().parents[2] / "deploy/plants/demo.yaml")
GOOD, BAD = (), (("open", 0.95),)
Judged = Callable[..., object]


@pytest.fixture
async def judged(bus: Bus) -> Judged:
    """Judges a frame as preprocessing would ask for it; each verdict is a second younger than the one before."""
    two = DEMO.sites[0].lines[0].stations[0].model_copy(update={"name": "aoi2", "camera_client": "camera-aoi2"})
    line = DEMO.sites[0].lines[0]
    line = line.model_copy(update={"stations": (*line.stations, two)})
    plant = DEMO.model_copy(update={"sites": (DEMO.sites[0].model_copy(update={"lines": (line,)}),)})
    seconds = itertools.count()
    clock = lambda: datetime(2026, 11, 30, tzinfo=UTC) + timedelta(seconds=next(seconds))  # noqa: E731
    servicer = VerdictServicer(plant, bus, clock, lambda _: 1)

    async def ask(
        inspection_id: str, found=GOOD, picture: str = "picture", number: int = 1, station: str = "aoi1"
    ) -> verdict_pb2.Verdict:
        names = ("golden_sha256", "model_name", "model_version", "model_digest", "preprocessing_digest")
        inspection = inspection_pb2.Inspection(
            inspection_id=inspection_id,
            station=frame_pb2.StationPath(site="lyon", line="smt1", station=station),
            part=frame_pb2.PartRef(lot_id="lot", part_sequence=number, product_id="board"),
            recipe="pcb",
            provenance=inspection_pb2.Provenance(image_sha256=picture, **dict.fromkeys(names, "known")),
        )
        for label, score in found:
            inspection.candidates.add(label=label, x1_px=100, y1_px=100, x2_px=140, y2_px=140, score=score)
        request = verdict_service_pb2.JudgeRequest(inspection=inspection)
        return (await servicer.Judge(request, None)).verdict

    return ask


async def stored(bus: Bus) -> list[verdict_pb2.Verdict]:
    return [fact.message async for fact in kept(bus, VERDICT_REACHED)]


async def forget_soon(bus: Bus) -> None:
    """The broker remembers ids for 100 ms from now on (its least), instead of an hour."""
    config: StreamConfig = (await bus.jetstream.stream_info(STATION.name)).config
    config.duplicate_window = 0.1
    await bus.jetstream.update_stream(config)


async def window_is_over(bus: Bus) -> None:
    """Returns once the broker takes an id of before for a new one."""
    probe = Place("lyon", "smt1", "probe")
    first = await bus.publish(INCIDENT_CLOSED.at(probe), line_pb2.IncidentClosed(), "probe")
    while (await bus.publish(INCIDENT_CLOSED.at(probe), line_pb2.IncidentClosed(), "probe")).sequence == first.sequence:
        pass


async def test_a_frame_that_is_sent_again_gets_the_stored_verdict_though_it_would_be_judged_otherwise_now(bus, judged):
    first = await judged("i1", BAD)
    again = await judged("i1", GOOD)  # the golden template was replaced, or the model, or the limits

    assert first.outcome == verdict_pb2.OUTCOME_FAIL
    assert again == first
    assert await stored(bus) == [first]


async def test_the_answer_is_byte_for_byte_what_the_stream_holds(bus, judged):
    answer = await judged("i1", BAD)
    (message,) = [m async for m in kept(bus, VERDICT_REACHED)]

    assert answer.SerializeToString(deterministic=True) == message.message.SerializeToString(deterministic=True)


@pytest.mark.parametrize(("picture", "number"), [("another picture", 1), ("picture", 2)])
async def test_another_picture_or_part_under_a_used_id_is_refused_and_changes_nothing(bus, judged, picture, number):
    first = await judged("i1", BAD)
    with pytest.raises(Conflict) as refused:
        await judged("i1", BAD, picture, number)

    assert refused.value.field == "inspection_id"
    assert "its own id" in refused.value.fix
    assert await stored(bus) == [first]


async def test_an_id_is_used_up_for_as_long_as_the_stream_keeps_its_verdict(bus, judged):
    await forget_soon(bus)
    first = await judged("lot.1:x_y-Z", BAD)  # every kind of character that an id may have
    await window_is_over(bus)

    assert await judged("lot.1:x_y-Z", GOOD) == first
    with pytest.raises(Conflict):
        await judged("lot.1:x_y-Z", BAD, "another picture")
    assert [v for v in await stored(bus) if v.inspection_id] == [first]


async def test_two_stations_that_use_the_same_ids_both_have_their_verdicts_kept(bus, judged):
    here = [await judged(f"i{n}", GOOD, f"p{n}", n) for n in range(1, 4)]
    there = [await judged(f"i{n}", BAD, f"q{n}", n, station="aoi2") for n in range(1, 4)]

    assert await stored(bus) == [*here, *there]


async def test_an_inspection_id_silences_no_other_kind_of_fact(bus, judged):
    await judged("episode:closed", GOOD, "p1")
    closed = await bus.publish(
        INCIDENT_CLOSED.at(Place("lyon", "smt1", "all")), line_pb2.IncidentClosed(), "episode:closed"
    )
    await judged("sensor:w1:rms", GOOD, "p2", 2)
    at = frame_pb2.StationPath(site="lyon", line="smt1", station="aoi1")
    measured = measurement_pb2.Measurement(measurement_id="sensor:w1:rms", station=at)
    recorded = await bus.publish(MEASUREMENT_RECORDED.at(at), measured, measured.measurement_id)

    assert not closed.duplicate
    assert not recorded.duplicate
    assert (await bus.jetstream.stream_info(STATION.name)).state.messages == 4
