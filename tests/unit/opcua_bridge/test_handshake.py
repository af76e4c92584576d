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
    Wait,
    Write,
    command_id,
    is_newer,
)
from services.opcua_bridge.domain.line import EXECUTE, HELD, HOLDING, NO_LINK, PlcView

ID = command_id(1, 77)
LIMITS = Limits(ack_timeout_s=1.0, state_timeout_s=10.0, retry_delay_s=0.25)
UP = PlcView(link_up=True, ack_id=ID - 1, ack_code=DONE, state=EXECUTE, remote_pause_enabled=True, heartbeat=5)
ACKED = replace(UP, ack_id=ID, ack_code=ACCEPTED, state=HOLDING)


def handshake(expires_at: float = 5.0, *, redelivered: bool = False) -> Handshake:
    return Handshake(ID, expires_at, LIMITS, redelivered=redelivered, now=0.0)


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
    assert it.step(5.0, NO_LINK) is None
    assert it.state is State.LINK_DOWN


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
    assert it.step(0.0, NO_LINK) == Wait(10.0)
    assert it.step(3.0, replace(ACKED, ack_code=DONE)) is None
    assert (it.state, it.attempts) == (State.CONFIRMED, 0)


def test_a_redelivered_request_that_the_plc_never_saw_is_expired_and_one_that_cannot_be_asked_is_link_down():
    it = handshake(expires_at=-1.0, redelivered=True)
    it.step(0.0, NO_LINK)
    it.step(3.0, UP)
    assert (it.state, it.attempts) == (State.EXPIRED, 0)
    it = handshake(expires_at=-1.0, redelivered=True)
    it.step(0.0, NO_LINK)
    it.step(10.0, NO_LINK)
    assert it.state is State.LINK_DOWN


def test_a_redelivered_request_that_was_acknowledged_is_not_written_again():
    it = handshake(redelivered=True)
    assert it.step(0.0, ACKED) == Wait(10.0)
    assert it.attempts == 0


def test_a_plc_that_knows_newer_ids_is_named_as_the_reason():
    it = sent()
    newer = replace(UP, ack_id=command_id(2, 1))
    it.step(1.0, newer)
    assert it.step(6.0, newer) is None
    assert it.state is State.ACK_TIMEOUT
    assert "raise the bridge's epoch" in it.detail


moves = st.lists(
    st.tuples(
        st.floats(min_value=0, max_value=3),
        st.builds(
            PlcView,
            link_up=st.booleans(),
            ack_id=st.sampled_from([ID, ID - 1, ID + 1, 0]),
            ack_code=st.integers(0, 4),
            state=st.sampled_from([0, EXECUTE, HOLDING, HELD, 12]),
        ).map(lambda view: view if view.link_up else NO_LINK),
        st.booleans(),
    ),
    max_size=60,
)


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


@given(st.booleans(), st.floats(min_value=-1, max_value=8), st.sampled_from([UP, NO_LINK, ACKED]))
def test_it_always_ends_when_its_own_waits_are_obeyed(redelivered, expires_at, view):
    it, now = handshake(expires_at, redelivered=redelivered), 0.0
    for _ in range(100):
        match it.step(now, view):
            case Write(_):
                it.wrote(now)
            case Wait(seconds):
                now += seconds
            case None:
                break
    assert it.state not in (State.IDLE, State.SENT, State.ACKED)
    assert now <= max(expires_at, 0) + LIMITS.ack_timeout_s + LIMITS.state_timeout_s


@given(st.integers(1, 255), st.integers(1, 2**40))
def test_a_command_id_fits_the_plc_and_is_never_zero(epoch, sequence):
    assert 0 < command_id(epoch, sequence) < 2**32


@given(st.integers(1, 255), st.integers(1, 2**40), st.integers(1, 2**23 - 1))
def test_later_requests_have_newer_ids_also_when_the_24_bits_wrap(epoch, sequence, further):
    first, later = command_id(epoch, sequence), command_id(epoch, sequence + further)
    assert is_newer(later, first)
    assert not is_newer(first, later)


@given(st.integers(1, 254), st.integers(1, 2**40), st.integers(1, 2**40))
def test_a_higher_epoch_is_always_newer(epoch, one, other):
    assert is_newer(command_id(epoch + 1, one), command_id(epoch, other))
    assert not is_newer(command_id(epoch, other), command_id(epoch + 1, one))
