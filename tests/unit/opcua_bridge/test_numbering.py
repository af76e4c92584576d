"""One request, one number; one session, one epoch: whatever restarts, wraps around or is lost."""

from hypothesis import given
from hypothesis import strategies as st

from services.opcua_bridge.domain.numbering import (
    Claim,
    command_id,
    epoch_of,
    is_newer_epoch,
    is_newer_number,
    next_claim,
    number_of,
)

epochs, numbers, sequences = st.integers(1, 255), st.integers(0, 2**24 - 1), st.integers(1, 2**40)


@given(epochs, st.integers(-(2**40), 2**40))
def test_a_command_id_fits_the_plc_and_is_never_zero(epoch, number):
    command = command_id(epoch, number)
    assert 0 < command < 2**32
    assert (epoch_of(command), number_of(command)) == (epoch, number % 2**24)


@given(numbers, st.integers(1, 2**23 - 1))
def test_a_later_request_is_newer_also_when_the_24_bits_wrap(number, further):
    assert is_newer_number((number + further) % 2**24, number)
    assert not is_newer_number(number, (number + further) % 2**24)


@given(epochs, epochs, st.integers(1, 100))
def test_each_session_is_newer_than_the_plcs_last_and_than_the_recorded_one(recorded, heard, sessions):
    claim = Claim(recorded, 0)
    for _ in range(sessions):
        following = next_claim(claim, command_id(heard, 5), first_sequence=1, newest_sequence=9)
        assert 1 <= following.epoch <= 255
        assert is_newer_epoch(following.epoch, heard)
        claim, heard = following, following.epoch


@given(epochs, st.integers(0, 120))
def test_a_claim_that_the_plc_never_saw_is_outbid_as_well(heard, unseen):
    """The bridge that made it may still be about to write it."""
    recorded = Claim((heard + unseen - 1) % 255 + 1, 0)
    assert is_newer_epoch(next_claim(recorded, command_id(heard, 5), 1, 9).epoch, recorded.epoch)


@given(epochs, numbers, st.integers(1, 1_000), st.integers(0, 1_000))
def test_the_first_claim_in_a_new_stream_numbers_on_behind_what_the_plc_has_seen(heard, number, first, further):
    plc_id = command_id(heard, number)
    claim = next_claim(None, plc_id, first, first + further)
    for sequence in (first, first + further):
        command = claim.command(sequence)
        assert is_newer_number(number_of(command), number)
        assert is_newer_epoch(epoch_of(command), heard)


@given(epochs, st.integers(-(2**30), 2**30), st.integers(1, 2**22), st.integers(0, 100))
def test_a_request_keeps_its_number_over_every_session_of_its_stream(epoch, base, answered, waiting):
    """What the PLC has executed must look executed to whoever takes over."""
    claim = Claim(epoch, base)
    before = claim.command(answered)
    after = next_claim(claim, before, 1, answered + waiting).command(answered)
    assert number_of(after) == number_of(before)
    assert is_newer_epoch(epoch_of(after), epoch_of(before))


def test_a_plc_that_was_replaced_by_one_with_a_past_is_taken_over_behind_that_past():
    claim = next_claim(Claim(3, 0), command_id(200, 5_000), first_sequence=1, newest_sequence=40)
    assert is_newer_number(number_of(claim.command(1)), 5_000)


def test_a_new_plc_without_a_past_changes_nothing():
    assert next_claim(Claim(3, 70), 0, first_sequence=1, newest_sequence=40) == Claim(4, 70)


def test_behind_the_last_epoch_comes_the_first():
    assert next_claim(Claim(255, 0), command_id(255, 5), 1, 9).epoch == 1
    assert is_newer_epoch(1, 255)
