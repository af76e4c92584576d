"""Only a confirmed stop is believed, and none is sent late, whatever the PLC, the link and the clock do."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.opcua_bridge.domain.handshake import (
    ACCEPTED,
    DONE,
    EXPIRED,
    REJECTED,
    Handshake,
    Limits,
    State,
)
from services.opcua_bridge.domain.line import (
    EXECUTE,
    HELD,
    HOLDING,
    NO_LINK,
    LineName,
    PauseRequest,
    PlcView,
    StationName,
)
from services.opcua_bridge.domain.numbering import Claim, command_id
from services.opcua_bridge.domain.todo import ClaimAnew, TakeBack, Wait, Write

STATION = StationName(LineName("lyon", "smt1"), "aoi1")
CLAIM = Claim(epoch=1, base=0)
ID = CLAIM.command(77)
LIMITS = Limits(ack_timeout_s=1.0, state_timeout_s=10.0, retry_delay_s=0.25)
UP = PlcView(
    link_up=True, ack_id=ID - 1, ack_code=DONE, state=EXECUTE, remote_pause_enabled=True, heartbeat=5, claim=CLAIM
)
ACKED = replace(UP, ack_id=ID, ack_code=ACCEPTED, state=HOLDING)


def handshake(
    expires_at: float = 5.0, *, redelivered: bool = False, once: bool = False, asked: bool = False
) -> Handshake:
    request = PauseRequest("r1", "e1", STATION, "5 times spur", 1, 5, expires_at, 77, STATION)
    limits = replace(LIMITS, once=once)
    return Handshake(request, limits, redelivered=redelivered, now=0.0, asked=asked)


def sent() -> Handshake:
    """Written once, at 0."""
    it = handshake()
    assert it.step(0.0, UP) == Write(5.0)
    it.wrote(0.0)
    return it


def test_written_then_acknowledged_then_held_is_confirmed():
    it = sent()
    assert it.step(0.1, UP) == Wait(0.9)
    assert it.step(0.2, ACKED) == Wait(10.0)
    assert it.step(0.9, replace(ACKED, state=HELD)) is None
    assert (it.state, it.attempts) == (State.CONFIRMED, 1)
    assert (it.sent_at, it.acknowledged_at, it.held_at) == (0.0, 0.2, 0.9)
    assert it.passed == [(State.SENT, 0.0), (State.ACKED, 0.2), (State.CONFIRMED, 0.9)]


def test_held_without_our_acknowledgement_is_not_believed():
    it = sent()
    it.step(0.5, replace(UP, state=HELD))
    assert it.state is State.SENT


def test_done_of_the_command_before_is_not_ours():
    assert isinstance(handshake().step(0.0, replace(UP, state=HELD)), Write)


def test_no_answer_repeats_the_same_command_until_it_expires_and_then_waits_for_the_last_answer():
    it = sent()
    for now, left in ((1.0, 4.0), (2.0, 3.0), (3.0, 2.0), (4.0, 1.0)):
        assert it.step(now, UP) == Write(left)
        it.wrote(now)
    it.write_failed(4.9)
    assert it.step(5.0, UP) == Wait(pytest.approx(0.15))
    assert it.step(5.2, UP) is None
    assert (it.state, it.attempts) == (State.ACK_TIMEOUT, 5)


def test_a_failed_write_is_repeated_soon():
    it = sent()
    it.write_failed(0.5)
    assert it.step(0.6, UP) == Wait(pytest.approx(0.15))
    assert isinstance(it.step(0.75, UP), Write)


@pytest.mark.parametrize(("code", "end"), [(REJECTED, State.REJECTED), (EXPIRED, State.EXPIRED), (99, State.REJECTED)])
def test_a_refusal_is_final(code, end):
    it = sent()
    assert it.step(0.1, replace(UP, ack_id=ID, ack_code=code)) is None
    assert it.state is end
    assert it.step(0.2, replace(ACKED, state=HELD)) is None
    assert it.state is end


def test_without_a_link_nothing_is_written_and_the_end_says_so():
    it = handshake()
    assert it.step(0.0, NO_LINK) == Wait(5.0)
    assert it.step(5.0, NO_LINK) is None
    assert (it.state, it.attempts) == (State.LINK_DOWN, 0)


def test_a_link_lost_behind_the_write_is_link_down_and_never_confirmed():
    it = sent()
    assert it.step(1.5, NO_LINK) == Wait(3.5)
    assert it.step(5.0, NO_LINK) == Wait(LIMITS.unseen_s)
    assert it.step(35.0, NO_LINK) is None
    assert it.state is State.LINK_DOWN


def test_a_link_that_comes_back_behind_the_expiry_tells_what_became_of_the_write():
    executed, never_seen = sent(), sent()
    for it in (executed, never_seen):
        assert it.step(5.0, NO_LINK) == Wait(LIMITS.unseen_s)
    executed.step(34.0, replace(ACKED, ack_code=DONE, state=HELD))
    never_seen.step(34.0, UP)
    assert (executed.state, executed.attempts) == (State.CONFIRMED, 1)
    assert (never_seen.state, never_seen.attempts) == (State.ACK_TIMEOUT, 1)


def test_the_machines_time_stands_still_while_it_cannot_be_seen_but_not_for_ever():
    it = sent()
    it.step(0.2, ACKED)
    assert it.step(10.0, NO_LINK) == Wait(10.0)
    it.step(19.9, replace(ACKED, ack_code=DONE, state=EXECUTE))
    assert it.state is State.CONFIRMED
    it, now = sent(), 0.2
    it.step(now, ACKED)
    while wait := it.step(now, NO_LINK):
        now += wait.seconds
    assert (it.state, now) == (State.STATE_TIMEOUT, pytest.approx(30.2))


def test_a_machine_that_does_not_stop_is_a_state_timeout():
    it = sent()
    it.step(0.2, ACKED)
    assert it.step(10.2, ACKED) is None
    assert it.state is State.STATE_TIMEOUT
    assert "StateCurrent 10" in it.detail


def test_a_request_that_comes_too_late_is_expired_whether_there_is_a_link_or_not():
    for view in (UP, NO_LINK):
        it = handshake(expires_at=0.0)
        assert it.step(0.0, view) is None
        assert (it.state, it.attempts) == (State.EXPIRED, 0)


def test_a_redelivered_request_asks_the_plc_before_it_is_called_expired():
    it = handshake(expires_at=-1.0, redelivered=True)
    assert it.step(0.0, NO_LINK) == Wait(LIMITS.unseen_s)
    assert it.step(29.0, replace(ACKED, ack_code=DONE)) is None
    assert (it.state, it.attempts) == (State.CONFIRMED, 0)


def test_a_redelivered_request_that_the_plc_never_saw_is_expired_and_one_that_cannot_be_asked_is_link_down():
    it = handshake(expires_at=-1.0, redelivered=True)
    it.step(0.0, NO_LINK)
    it.step(29.0, UP)
    assert (it.state, it.attempts) == (State.EXPIRED, 0)
    it = handshake(expires_at=-1.0, redelivered=True)
    it.step(0.0, NO_LINK)
    it.step(LIMITS.unseen_s, NO_LINK)
    assert it.state is State.LINK_DOWN


def test_a_redelivered_request_that_was_acknowledged_is_not_written_again():
    it = handshake(redelivered=True)
    assert it.step(0.0, ACKED) == Wait(10.0)
    assert it.attempts == 0


def test_a_plc_that_knows_newer_numbers_is_named_as_the_reason():
    it = sent()
    newer = replace(UP, ack_id=command_id(2, 78))
    it.step(1.0, newer)
    assert it.step(6.0, newer) is None
    assert it.state is State.ACK_TIMEOUT
    assert "already answered the newer id" in it.detail


def test_what_an_earlier_session_had_acknowledged_is_not_written_again_by_the_next():
    """The bridge that took over signs with its own epoch; the number is the request's."""
    it = handshake(redelivered=True)
    answered_under_another_epoch = replace(ACKED, claim=replace(CLAIM, epoch=9))
    assert it.step(0.0, answered_under_another_epoch) == Wait(10.0)
    assert it.step(0.5, replace(answered_under_another_epoch, ack_code=DONE, state=HELD)) is None
    assert (it.state, it.attempts, it.command) == (State.CONFIRMED, 0, command_id(9, 77))


def test_the_number_of_a_request_stays_when_the_session_changes_between_two_writes():
    it = sent()
    first = it.command
    assert it.step(1.5, replace(UP, claim=replace(CLAIM, epoch=2))) == Write(3.5)
    assert (first, it.command) == (command_id(1, 77), command_id(2, 77))


def test_an_overtaken_request_is_never_written_and_says_why():
    it = handshake()
    it.overtaken(0.0, "superseded: the line has been resumed since")
    for view in (NO_LINK, UP, replace(UP, claim=replace(CLAIM, epoch=2))):
        assert it.step(0.0, view) is None
        assert (it.state, it.attempts, it.detail) == (State.EXPIRED, 0, "superseded: the line has been resumed since")


def test_an_overtaken_request_that_was_written_is_not_repeated_but_its_answer_still_counts():
    it = sent()
    it.overtaken(0.5, "superseded: the rule has asked again since")
    assert it.step(0.5, UP) == Wait(0.5)
    it.step(0.9, ACKED)
    assert it.step(1.0, replace(ACKED, state=HELD)) is None
    assert it.state is State.CONFIRMED


def test_why_the_link_was_down_stands_on_the_receipt():
    it = handshake()
    it.step(0.0, NO_LINK)
    it.step(5.0, replace(NO_LINK, detail="the PLC refused the user 'bridge'"))
    assert it.detail.endswith("before the request expired: the PLC refused the user 'bridge'")


def test_without_numbers_the_command_is_said_once_and_the_state_is_the_answer():
    it = handshake(once=True)
    view = replace(UP, ack_id=0, ack_code=0)
    assert it.step(0.0, view) == Write(5.0)
    it.wrote(0.0)
    it.write_failed(0.5)  # whether it arrived is unknown: never again
    assert it.step(1.5, view) == Wait(3.5)
    assert it.step(2.0, replace(view, state=HOLDING)) == Wait(10.0)
    assert it.step(2.4, replace(view, state=HELD)) is None
    assert (it.state, it.attempts, it.read_back) == (State.CONFIRMED, 1, HELD)


def test_without_numbers_what_expires_unanswered_is_taken_back_before_it_is_given_up():
    it = handshake(once=True)
    view = replace(UP, ack_id=0, ack_code=0)
    it.step(0.0, view)
    it.wrote(0.0)
    assert it.step(5.0, view) == TakeBack()
    assert it.step(5.1, view) == Wait(pytest.approx(0.9))
    assert it.step(6.0, view) is None
    assert (it.state, it.attempts) == (State.ACK_TIMEOUT, 1)


def test_without_numbers_a_line_that_holds_already_is_not_asked():
    it = handshake(once=True)
    assert it.step(0.0, replace(UP, ack_id=0, state=HELD)) is None
    assert (it.state, it.attempts) == (State.CONFIRMED, 0)
    assert [state for state, _ in it.passed] == [State.ACKED, State.CONFIRMED]


def test_without_numbers_what_an_earlier_life_may_have_said_is_not_said_again():
    it = handshake(once=True, redelivered=True, asked=True)
    view = replace(UP, ack_id=0, ack_code=0)
    assert it.step(0.0, view) == Wait(5.0)
    assert it.step(5.0, view) == TakeBack()
    assert it.step(6.0, view) is None
    assert (it.state, it.attempts) == (State.ACK_TIMEOUT, 0)


def test_without_numbers_the_operators_permit_is_ours_to_heed():
    it = handshake(once=True)
    assert it.step(0.0, replace(UP, ack_id=0, remote_pause_enabled=False)) is None
    assert (it.state, it.attempts) == (State.REJECTED, 0)


moves = st.lists(
    st.tuples(
        st.floats(min_value=0, max_value=3),
        st.builds(
            PlcView,
            link_up=st.booleans(),
            ack_id=st.sampled_from([ID, ID - 1, ID + 1, 0]),
            ack_code=st.integers(0, 4),
            state=st.sampled_from([0, EXECUTE, HOLDING, HELD, 12]),
            claim=st.just(CLAIM),
        ).map(lambda view: view if view.link_up else NO_LINK),
        st.booleans(),
    ),
    max_size=60,
)


@given(moves, st.floats(min_value=-1, max_value=8), st.booleans(), st.booleans())
def test_without_numbers_nothing_is_ever_said_twice_or_late(moves, expires_at, redelivered, asked):
    it = handshake(expires_at, redelivered=redelivered, once=True, asked=asked)
    now, said = 0.0, int(asked)
    for advance, view, _ in moves:
        now += advance
        match it.step(now, view):
            case Write(_):
                assert now < expires_at
                assert view.state not in (HOLDING, HELD)
                said += 1
                it.wrote(now)
            case Wait(seconds):
                assert seconds > 0
    assert said <= 1


@given(moves, st.floats(min_value=-1, max_value=8), st.booleans())
def test_never_confirmed_without_ack_and_held_and_never_written_after_expiry(moves, expires_at, redelivered):
    it = handshake(expires_at, redelivered=redelivered)
    now, acknowledged, held = 0.0, False, False
    for advance, view, arrives in moves:
        now += advance
        was_over = it.state not in (State.IDLE, State.SENT, State.ACKED)
        before = it.state
        match it.step(now, view):
            case Write(ttl_s):
                assert now < expires_at
                assert ttl_s == expires_at - now
                assert view.link_up
                assert view.ack_id != ID
                it.wrote(now)
                if not arrives:
                    it.write_failed(now)
            case Wait(seconds):
                assert seconds > 0
            case None:
                assert it.state not in (State.IDLE, State.SENT, State.ACKED)
        acknowledged |= view.ack_id == ID and view.ack_code in (ACCEPTED, DONE) and not was_over
        held |= acknowledged and view.link_up and (view.state == HELD or (view.ack_id == ID and view.ack_code == DONE))
        if it.state is State.CONFIRMED:
            assert acknowledged
            assert held
        assert not was_over or it.state is before


@given(st.booleans(), st.booleans(), st.floats(min_value=-1, max_value=8), st.sampled_from([UP, NO_LINK, ACKED]))
def test_it_always_ends_when_its_own_waits_are_obeyed(redelivered, once, expires_at, view):
    it, now = handshake(expires_at, redelivered=redelivered, once=once), 0.0
    for _ in range(100):
        match it.step(now, view):
            case Write(_):
                it.wrote(now)
            case Wait(seconds):
                now += seconds
            case None:
                break
    assert it.state not in (State.IDLE, State.SENT, State.ACKED)
    assert now <= max(expires_at, 0) + 2 * LIMITS.ack_timeout_s + LIMITS.state_timeout_s + LIMITS.unseen_s


def test_a_number_that_the_plc_knows_already_is_not_believed_of_a_request_that_nobody_has_had():
    """R3: after a lost stream a request's number met the PLC's last one, and was CONFIRMED with no write."""
    it = handshake()
    assert it.step(0.0, replace(ACKED, ack_code=DONE, state=HELD)) is None
    assert (it.state, it.attempts) == (State.EXPIRED, 0)
    assert "number" in it.detail


def test_the_answer_to_a_request_that_an_earlier_life_had_is_believed():
    it = handshake(redelivered=True)
    assert it.step(0.0, replace(ACKED, ack_code=DONE, state=HELD)) is None
    assert it.state is State.CONFIRMED


@pytest.mark.parametrize("redelivered", [False, True])
@pytest.mark.parametrize("ack_id", [ID, ID - 1, ID + 1])
def test_numbers_of_another_stream_are_neither_written_nor_believed(redelivered, ack_id):
    """R3: a number is made of a sequence and a base; both must be of the same stream."""
    it = handshake(redelivered=redelivered)
    it.request = replace(it.request, born=2.0)
    answered = replace(ACKED, ack_id=ack_id, ack_code=DONE, state=HELD)
    assert it.step(0.0, replace(answered, claim=replace(CLAIM, born=1.0))) == ClaimAnew()
    assert it.state is State.IDLE
    anew = Claim(epoch=2, base=500, born=2.0)
    assert isinstance(it.step(1.0, replace(answered, claim=anew)), Write)
    assert it.command == anew.command(77)
