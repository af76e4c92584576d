"""Wrong clocks as alarms on a real broker (B13, R2)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2
from servers import until

from services.chassis.bus import Bus
from services.chassis.streams import Delivery, Follower, Route
from services.contracts.instant import timestamp
from services.contracts.subjects import ALARM_CHANGED, LINE
from services.opcua_bridge.adapters.clock_alarms import ClockAlarms
from services.opcua_bridge.adapters.wire import shown
from services.opcua_bridge.domain.line import LineName

SMT1, SMT2 = LineName("lyon", "smt1"), LineName("lyon", "smt2")


class Machine:
    known, skew_s = True, 0.0

    def now_s(self) -> float:
        return 1_800_000_000.0


@asynccontextmanager
async def hearing(bus: Bus) -> AsyncIterator[list[Any]]:
    heard: list[Any] = []

    async def hear(fact: line_pb2.AlarmChanged, _: Delivery) -> None:
        heard.append(fact)

    route = Route(ALARM_CHANGED.everywhere, line_pb2.AlarmChanged, hear)
    follower = Follower(bus, LINE.name, [route], lambda: len(heard))
    await follower.start()
    yield heard
    await follower.stop()


def part(clock: Machine, **times: Any) -> verdict_pb2.Verdict:
    station = frame_pb2.StationPath(site="lyon", line="smt1", station="aoi1")
    return verdict_pb2.Verdict(station=station, judged_at=timestamp(clock.now_s()), **times)


async def test_the_bridges_own_clock_and_a_cameras_are_alarms_that_come_once_and_go_once(bus: Bus):
    clock = Machine()

    def of(kind: int, line: str) -> list[tuple[bool, str]]:
        return [(one.active, one.detail) for one in heard if (one.alarm_class, one.line) == (kind, line)]

    async with hearing(bus) as heard:
        alarms = ClockAlarms(bus, [SMT1, SMT2], clock, look_s=0.01)
        await alarms.start()
        clock.skew_s = 6.04
        for _ in range(3):
            slow = part(clock, captured_at=timestamp(clock.now_s() - 120), taken_at=timestamp(clock.now_s()), late=True)
            alarms.hear(shown(slow))
        await until(lambda: len(heard) == 4)
        await alarms.stop()
        clock.skew_s = 0.2
        alarms = ClockAlarms(bus, [SMT1, SMT2], clock, look_s=0.01)  # a next life, to which nothing is wrong
        await alarms.start()
        await until(lambda: len(heard) == 8)
        await alarms.stop()

    for line in ("smt1", "smt2"):
        (up, detail), down = of(line_pb2.ALARM_CLASS_CLOCK_SKEW, line)
        assert (up, down) == (True, (False, ""))
        assert "6.0 s ahead of the broker's" in detail
    (_, detail), down = of(line_pb2.ALARM_CLASS_CAMERA_CLOCK, "smt1")
    assert (detail, down) == ("the clock of the camera at aoi1 is 120 s behind: set it (NTP)", (False, ""))
    assert len(of(line_pb2.ALARM_CLASS_LATE_PARTS, "smt1")) == 2
    begun = {(one.alarm_class, one.line, one.since.ToNanoseconds()) for one in heard}
    assert len(begun) == 4, "each is one alarm from its beginning to its end"
