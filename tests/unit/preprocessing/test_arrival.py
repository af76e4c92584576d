"""R2: what a camera's clock is believed, and what the door reckons itself."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from jidoka.frame.v1 import frame_pb2
from jidoka.inspection.v1 import inspection_service_pb2
from prometheus_client import REGISTRY
from test_inspect import CAMERA, FRAME, NOW_S, PLANT, Clock, Twins

from services.chassis.auth import Principal, caller
from services.chassis.errors import Invalid
from services.contracts.instant import timestamp
from services.preprocessing.adapters.grpc_api import InspectionServicer
from services.preprocessing.adapters.grpc_api import _frame as from_wire
from services.preprocessing.adapters.judge import to_wire
from services.preprocessing.domain.arrival import arrival
from services.preprocessing.handlers import Inspector

PLACE = {"station": "lyon/smt1/aoi1"}


@pytest.fixture
def twins() -> Twins:
    return Twins()


@pytest.fixture
def inspector(twins: Twins) -> Iterator[Inspector]:
    with ThreadPoolExecutor(1) as pool:
        yield Inspector(PLANT, lambda _: twins.picture, twins, twins, twins, pool, 2, frozenset(), "code", Clock())


@pytest.mark.parametrize("skew_s", [-86_400, -120, 0, 120, 86_400])
@pytest.mark.parametrize(("age_s", "late"), [(0.2, False), (4.9, False), (5.1, True), (600, True)])
def test_a_camera_that_says_when_it_sends_may_have_any_clock(skew_s: float, age_s: float, late: bool):
    found = arrival(NOW_S - age_s + skew_s, NOW_S + skew_s, NOW_S)

    assert found.taken_at_s == pytest.approx(NOW_S - age_s)
    assert found.camera_skew_s == pytest.approx(skew_s)
    assert (found.late, found.ahead_s) == (late, 0)


@pytest.mark.parametrize(
    ("captured_at_s", "taken_at_s", "late"),
    [
        (0.0, NOW_S, False),  # a camera without a clock
        (NOW_S - 4, NOW_S - 4, False),
        (NOW_S - 120, NOW_S - 120, True),  # kept by the camera, or a slow clock: who can tell?
        (NOW_S + 4, NOW_S, False),  # no picture is taken after it came
    ],
)
def test_a_camera_that_does_not_say_when_it_sends_is_believed_and_marked(captured_at_s, taken_at_s, late):
    found = arrival(captured_at_s, 0.0, NOW_S)

    assert (found.taken_at_s, found.late, found.camera_skew_s) == (taken_at_s, late, None)


@pytest.mark.parametrize(
    ("captured_at_s", "sent_at_s"),
    [(NOW_S + 6, 0.0), (NOW_S + 86_400, 0.0), (NOW_S + 6, NOW_S), (NOW_S - 120 + 6, NOW_S - 120)],
)
async def test_a_picture_from_the_future_is_refused_and_never_decoded(inspector, twins, captured_at_s, sent_at_s):
    def decoded(_):
        raise AssertionError

    inspector.decode = decoded
    with pytest.raises(Invalid) as refusal:
        await inspector.inspect(replace(FRAME, captured_at_s=captured_at_s, sent_at_s=sent_at_s), CAMERA)

    assert refusal.value.field == "frame.captured_at"
    assert refusal.value.fix.startswith("set the camera's clock (NTP); it is ")


async def test_nothing_is_refused_for_its_time_while_the_door_does_not_know_it(inspector, twins):
    inspector.clock.known = False
    await inspector.inspect(replace(FRAME, captured_at_s=NOW_S + 86_400), CAMERA)

    assert twins.seen[0].frame.taken_at_s == NOW_S


async def test_a_late_part_is_judged_and_says_so_and_is_counted(inspector, twins):
    before = REGISTRY.get_sample_value("jidoka_frames_late_total", PLACE) or 0
    await inspector.inspect(replace(FRAME, captured_at_s=NOW_S - 120), CAMERA)
    inspection = to_wire(twins.seen[0])

    assert inspection.late
    assert inspection.taken_at.ToNanoseconds() / 1e9 == NOW_S - 120
    assert REGISTRY.get_sample_value("jidoka_frames_late_total", PLACE) == before + 1


async def test_the_skew_of_a_camera_that_says_when_it_sends_is_shown(inspector, twins):
    await inspector.inspect(replace(FRAME, captured_at_s=NOW_S - 61, sent_at_s=NOW_S - 60), CAMERA)
    inspection = to_wire(twins.seen[0])

    assert not inspection.late
    assert inspection.captured_at.ToNanoseconds() / 1e9 == NOW_S - 61  # as the camera said it
    assert inspection.taken_at.ToNanoseconds() / 1e9 == pytest.approx(NOW_S - 1)
    assert REGISTRY.get_sample_value("jidoka_camera_skew_seconds", PLACE) == pytest.approx(-60)


async def test_a_camera_without_a_clock_took_the_picture_when_it_came(inspector, twins):
    await inspector.inspect(FRAME, CAMERA)
    inspection = to_wire(twins.seen[0])

    assert not inspection.HasField("captured_at")
    assert inspection.taken_at.ToNanoseconds() / 1e9 == NOW_S


@pytest.mark.parametrize("field", ["captured_at", "sent_at"])
@pytest.mark.parametrize(
    "unusable",
    [
        Timestamp(seconds=-62_135_596_801),  # before year 1
        Timestamp(seconds=253_402_300_800),  # after year 9999
        Timestamp(seconds=2**62),
        Timestamp(seconds=1_800_000_000, nanos=-1),
        Timestamp(seconds=1_800_000_000, nanos=2_000_000_000),
    ],
)
def test_a_time_that_is_none_is_the_callers_mistake_and_no_failure_of_ours(field: str, unusable: Timestamp):
    with pytest.raises(Invalid) as refusal:
        from_wire(frame_pb2.Frame(**{field: unusable}))

    assert refusal.value.field == f"frame.{field}"


async def test_any_time_between_the_years_1_and_9999_gets_an_answer(inspector, twins):
    year_1, year_9999 = Timestamp(seconds=-62_135_400_000), Timestamp(seconds=253_402_000_000)
    frame = frame_pb2.Frame(captured_at=year_1, sent_at=year_9999)
    known = from_wire(frame)
    await inspector.inspect(replace(FRAME, captured_at_s=known.captured_at_s, sent_at_s=known.sent_at_s), CAMERA)

    assert to_wire(twins.seen[0]).late


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"lot_id": ""}, "frame.part.lot_id"),
        ({"lot_id": "a" * 129}, "frame.part.lot_id"),
        ({"lot_id": "lot\n1"}, "frame.part.lot_id"),
        ({"lot_id": "lot\x001"}, "frame.part.lot_id"),
        ({"lot_id": "\x1b[2J"}, "frame.part.lot_id"),
        ({"part_sequence": 0}, "frame.part.part_sequence"),
        ({"part_sequence": 2**53}, "frame.part.part_sequence"),
        ({"previous_lot_parts": 2**53}, "frame.part.previous_lot_parts"),
    ],
)
async def test_a_lot_and_a_number_are_bounded(inspector, twins, changed, field):
    with pytest.raises(Invalid) as refusal:
        await inspector.inspect(replace(FRAME, **changed), CAMERA)

    assert refusal.value.field == field
    assert refusal.value.fix
    assert twins.seen == []


async def test_a_lot_may_have_any_name_that_can_be_read(inspector, twins):
    await inspector.inspect(replace(FRAME, lot_id="Charge 7/Müller #12", part_sequence=2**53 - 1), CAMERA)

    assert twins.seen[0].frame.lot_id == "Charge 7/Müller #12"


def test_what_the_door_says_reaches_the_wire_to_the_microsecond():
    frame = from_wire(frame_pb2.Frame(captured_at=timestamp(NOW_S), sent_at=timestamp(NOW_S + 0.25)))

    assert (frame.captured_at_s, frame.sent_at_s) == (NOW_S, NOW_S + 0.25)


async def test_refused_frames_are_counted_by_what_was_wrong_by_either_way_in(inspector):
    """R8: the log says it only once a second."""

    def count(why: str) -> float:
        return REGISTRY.get_sample_value("jidoka_frames_refused_total", {"why": why}) or 0

    before = count("invalid"), count("notfound")
    door = InspectionServicer(inspector)
    caller.set(Principal("s", CAMERA, frozenset(), frozenset()))
    bad = frame_pb2.Frame(inspection_id="i-1", captured_at=Timestamp(seconds=2**62))
    with pytest.raises(Invalid):
        await door.Inspect(inspection_service_pb2.InspectRequest(frame=bad), None)
    part = frame_pb2.PartRef(lot_id="l", part_sequence=1, product_id="board")
    lost = frame_pb2.Frame(inspection_id="i-1", station=frame_pb2.StationPath(site="nowhere"), part=part)
    answer = await door._answer(lost, CAMERA)

    assert answer.error.code == "NOT_FOUND"
    assert (count("invalid"), count("notfound")) == (before[0] + 1, before[1] + 1)
