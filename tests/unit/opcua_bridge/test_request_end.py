"""B13: until when a request may be executed, by the broker's clock."""

from datetime import UTC, datetime

import pytest
from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2

from services.chassis.streams import Delivery
from services.contracts.instant import timestamp
from services.opcua_bridge.adapters.wire import pauses
from services.opcua_bridge.domain.line import LineName, PauseRequest

STORED_S, TTL_S = 1_800_000_000.0, 5.0


async def end_of(requested_at_s: float, *, redelivered: bool = False) -> float:
    taken: list[PauseRequest] = []

    async def carry_out(request: PauseRequest, *, redelivered: bool) -> None:
        taken.append(request)

    message = line_pb2.PauseRequested(
        request_id="r1",
        episode_id="e1",
        station=frame_pb2.StationPath(site="lyon", line="smt1", station="aoi1"),
        requested_at=timestamp(requested_at_s),
        expires_at=timestamp(requested_at_s + TTL_S),
    )
    stored_at = datetime.fromtimestamp(STORED_S, UTC)
    handle = pauses(carry_out, LineName("lyon", "smt1"), "aoi1")
    await handle(message, Delivery("jidoka.v1.line.pause-requested.lyon.smt1.aoi1", 1, stored_at, redelivered))
    return taken[0].expires_at_s


@pytest.mark.parametrize("redelivered", [False, True])
async def test_a_request_lives_as_long_as_the_rules_gave_it_from_when_the_broker_stored_it(redelivered: bool):
    assert await end_of(STORED_S, redelivered=redelivered) == STORED_S + TTL_S


async def test_a_judge_whose_clock_is_ahead_gives_a_request_no_longer_life():
    assert await end_of(STORED_S + 120) == STORED_S + TTL_S


async def test_rules_that_were_away_give_an_old_run_of_defects_no_new_life():
    assert await end_of(STORED_S - 600) == STORED_S - 600 + TTL_S
