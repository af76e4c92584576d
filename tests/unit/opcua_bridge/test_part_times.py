"""B13, R2: a camera with a wrong clock and parts that come late are alarms at their line."""

import pytest

from services.opcua_bridge.domain.line import LineName, StationName
from services.opcua_bridge.domain.part_times import CAMERA_CLOCK, LATE_PARTS, PartTimes

LINE, OTHER = LineName("lyon", "smt1"), LineName("lyon", "smt2")
FIRST, SECOND = StationName(LINE, "aoi1"), StationName(LINE, "aoi2")


def said(times: PartTimes, kind: str, now_s: float = 0.0) -> str:
    return times.sentence(LINE, kind, now_s)


def take(times: PartTimes, count: int, *, skew_s: float = 0.0, late: bool = False, station=FIRST, at_s=0.0) -> None:
    for _ in range(count):
        times.take(station, skew_s, at_s, late=late)


@pytest.mark.parametrize(("skew_s", "way"), [(61.0, "61 s ahead"), (-120.0, "120 s behind")])
def test_a_camera_whose_clock_is_off_for_several_parts_is_an_alarm_until_it_is_right(skew_s, way):
    times = PartTimes()
    take(times, 2, skew_s=skew_s)
    assert said(times, CAMERA_CLOCK) == ""
    take(times, 1, skew_s=skew_s)
    assert said(times, CAMERA_CLOCK) == f"the clock of the camera at aoi1 is {way}: set it (NTP)"
    assert said(times, LATE_PARTS) == ""
    assert times.sentence(OTHER, CAMERA_CLOCK, 0.0) == ""
    take(times, 9)
    assert said(times, CAMERA_CLOCK)
    take(times, 1)
    assert said(times, CAMERA_CLOCK) == ""


def test_one_part_that_was_long_on_its_way_is_no_alarm():
    times = PartTimes()
    for _ in range(20):
        take(times, 2, skew_s=-1.5)
        take(times, 1)

    assert said(times, CAMERA_CLOCK) == ""


def test_the_sentence_stays_while_the_alarm_does_though_the_skew_drifts():
    times = PartTimes()
    for step in range(50):
        take(times, 1, skew_s=61 + step)

    assert "63 s ahead" in said(times, CAMERA_CLOCK)  # as it was at the third part


def test_parts_that_come_late_are_an_alarm_and_go_with_parts_that_come_in_time():
    times = PartTimes()
    take(times, 3, late=True)
    assert "parts from aoi1 come late" in said(times, LATE_PARTS)
    take(times, 10)
    assert said(times, LATE_PARTS) == ""


def test_an_alarm_goes_when_nothing_bad_has_come_for_some_minutes():
    times = PartTimes()
    take(times, 3, late=True, at_s=100.0)

    assert said(times, LATE_PARTS, 399.0)
    assert said(times, LATE_PARTS, 401.0) == ""
    assert said(times, LATE_PARTS, 100.0) == ""  # and does not come back by itself


def test_two_stations_of_a_line_are_one_alarm_that_names_both():
    times = PartTimes()
    take(times, 3, skew_s=5, station=SECOND)
    take(times, 3, skew_s=-5, station=FIRST)

    assert said(times, CAMERA_CLOCK) == (
        "the clock of the camera at aoi1 is 5 s behind: set it (NTP); "
        "the clock of the camera at aoi2 is 5 s ahead: set it (NTP)"
    )
