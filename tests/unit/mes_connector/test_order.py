"""An order's way through the outbox: which step comes next, and when."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mes_connector.domain.answer import Answer, Outcome, classify
from services.mes_connector.domain.breaker import Breaker, Circuit, backoff_s
from services.mes_connector.domain.order import Order, Patience, State, Step
from services.mes_connector.domain.work_request import BadRequest, Kind, Place, WorkRequest

NOW = 1_800_000_000.0
HOUR = 3600.0
PATIENCE = Patience(deadline_s=5, base_s=2, cap_s=900, after_timeout_s=60, give_up_s=24 * HOUR)
CLOSED = Breaker(threshold=3, base_s=5, cap_s=300)
REQUEST = WorkRequest(
    key="k1",
    episode_id="e1",
    kind=Kind.MAINTENANCE,
    title="open tracks",
    description="5 in a row",
    priority=2,
    equipment_id="jidoka/lyon/electronics/smt1",
    place=Place("lyon", "smt1", "aoi1"),
    rule_id="repeated-defect",
    defect_label="open",
    lot_id="lot-7",
    first_part_sequence=11,
    last_part_sequence=15,
    inspection_ids=("i1", "i5"),
    trace_id="0af7651916cd43dd8448eb211c80319c",
    requested_at=NOW,
)
ORDER = Order.new(REQUEST, "", NOW)
draws = st.floats(0, 1)
failures = st.sampled_from([Answer(Outcome.AWAY, reason="503"), Answer(Outcome.UNKNOWN, reason="no answer")])


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ((200, 201, 202, 204), Outcome.OPENED),
        ((400, 403, 404, 405, 410, 413, 415, 422), Outcome.REFUSED),
        ((401,), Outcome.LOCKED_OUT),
        ((408, 409, 425, 429, 500, 503, 507, 301, 307), Outcome.AWAY),
        ((502, 504), Outcome.UNKNOWN),
    ],
)
def test_each_status_has_the_meaning_that_ot_md_4_3_gives_it(statuses, outcome):
    assert {classify(status) for status in statuses} == {outcome}


@given(tries=st.integers(0, 10_000), draw=draws)
def test_back_off_never_leaves_zero_to_cap_whatever_the_number_of_tries(tries, draw):
    assert 0 <= backoff_s(tries, 2, 900, draw) <= min(900, 2 * 2.0 ** min(max(tries - 1, 0), 30))


def test_back_off_starts_at_the_base_doubles_and_ends_at_the_cap():
    assert [backoff_s(tries, 2, 900, 1.0) for tries in (1, 2, 3, 9, 10, 11)] == [2, 4, 8, 512, 900, 900]


@given(attempts=st.integers(1, 50), draw=draws, answer=failures, age_s=st.floats(0, 24 * HOUR - 1))
def test_an_order_that_was_tried_is_never_created_again_without_a_look_up(attempts, draw, answer, age_s):
    order = replace(ORDER, attempts=attempts, state=State.INFLIGHT).settled(answer, NOW + age_s, PATIENCE, draw)

    assert order.state is State.NEW
    assert order.next_step(NOW, CLOSED, PATIENCE) is Step.LOOK_UP


def test_a_new_order_is_created_at_once():
    assert ORDER.next_step(NOW, CLOSED, PATIENCE) is Step.CREATE


def test_what_a_crash_left_in_flight_is_looked_up_only_when_the_mes_can_no_longer_be_at_it():
    claimed = ORDER.claimed(NOW, PATIENCE)

    assert (claimed.state, claimed.attempts) == (State.INFLIGHT, 1)
    assert claimed.next_attempt_at == NOW + 3 * 5 + 60
    assert claimed.next_step(claimed.next_attempt_at, CLOSED, PATIENCE) is Step.LOOK_UP


@given(draw=draws)
def test_after_a_time_out_the_look_up_waits_for_the_mes_to_finish(draw):
    order = ORDER.claimed(NOW, PATIENCE).settled(Answer(Outcome.UNKNOWN), NOW, PATIENCE, draw)

    assert order.next_attempt_at >= NOW + 60


@given(draw=draws, asked_s=st.floats(0, 86_400))
def test_retry_after_is_honoured(draw, asked_s):
    order = ORDER.claimed(NOW, PATIENCE).settled(Answer(Outcome.AWAY, retry_after_s=asked_s), NOW, PATIENCE, draw)

    assert order.next_attempt_at >= NOW + asked_s


def test_an_order_ends_when_opened_and_when_refused():
    claimed = ORDER.claimed(NOW, PATIENCE)
    opened = claimed.settled(Answer(Outcome.OPENED, external_id="WO-1"), NOW, PATIENCE, 0.5)
    refused = claimed.settled(Answer(Outcome.REFUSED, reason="POST: 422 unknown asset"), NOW, PATIENCE, 0.5)

    assert (opened.state, opened.external_id, opened.last_error) == (State.SENT, "WO-1", "")
    assert (refused.state, refused.last_error) == (State.DEAD, "POST: 422 unknown asset")


def test_patience_ends_after_a_day_and_the_reason_says_what_was_last_heard():
    claimed = replace(ORDER.claimed(NOW, PATIENCE), attempts=40)
    order = claimed.settled(Answer(Outcome.AWAY, reason="POST: 503"), NOW + 24 * HOUR, PATIENCE, 0.5)

    assert order.state is State.DEAD
    assert order.last_error == "given up after 24.0 h and 40 attempts; last: POST: 503"


def test_wrong_credentials_never_kill_an_order_however_old():
    shut = CLOSED.after(Answer(Outcome.LOCKED_OUT), NOW, 0.5)
    order = ORDER.claimed(NOW, PATIENCE).settled(Answer(Outcome.LOCKED_OUT), NOW + 99 * HOUR, PATIENCE, 0.5)

    assert order.state is State.NEW
    assert order.next_step(NOW + 99 * HOUR, shut, PATIENCE) is Step.WAIT


def test_while_the_mes_is_left_alone_orders_wait_and_the_tired_ones_go_to_people():
    shut = replace(CLOSED, probes_at=NOW + 99 * HOUR)

    assert ORDER.next_step(NOW + 1, shut, PATIENCE) is Step.WAIT
    assert ORDER.next_step(NOW + 24 * HOUR, shut, PATIENCE) is Step.GIVE_UP


def test_the_breaker_opens_after_the_threshold_probes_once_and_closes_on_an_answer():
    away = Answer(Outcome.AWAY)
    twice = CLOSED.after(away, NOW, 0.0).after(away, NOW, 0.0)
    opened = twice.after(away, NOW, 0.0)

    assert twice.circuit(NOW) is Circuit.CLOSED
    assert opened.circuit(NOW + 2.4) is Circuit.OPEN
    assert opened.circuit(NOW + 2.5) is Circuit.HALF_OPEN
    again = opened.after(away, NOW + 3, 1.0)
    assert again.circuit(NOW + 12.9) is Circuit.OPEN  # the second opening lasts twice as long
    assert again.after(Answer(Outcome.ABSENT), NOW + 13, 0.0) == CLOSED


def test_one_good_answer_between_failures_keeps_the_breaker_closed():
    breaker = CLOSED
    for outcome in [Outcome.AWAY, Outcome.AWAY, Outcome.REFUSED] * 5:
        breaker = breaker.after(Answer(outcome), NOW, 0.5)

    assert breaker.circuit(NOW) is Circuit.CLOSED


def test_the_breaker_opens_at_once_for_wrong_credentials_and_for_as_long_as_the_mes_asks():
    locked = CLOSED.after(Answer(Outcome.LOCKED_OUT), NOW, 0.0)
    asked = CLOSED.after(Answer(Outcome.AWAY, retry_after_s=120), NOW, 1.0)

    assert locked.locked_out
    assert locked.circuit(NOW) is Circuit.OPEN
    assert (asked.circuit(NOW + 119), asked.circuit(NOW + 120)) == (Circuit.OPEN, Circuit.HALF_OPEN)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("key", ""),
        ("key", "a b"),
        ("key", "k\r\nX: 1"),
        ("priority", 0),
        ("priority", 5),
        ("title", " "),
        ("requested_at", 1e18),
    ],
)
def test_what_no_mes_could_take_is_named(field, value):
    with pytest.raises(BadRequest) as caught:
        replace(REQUEST, **{field: value})

    assert caught.value.field == field


@pytest.mark.parametrize("station", ["", "Aoi1", "aoi.1", "aoi*", ">"])
def test_a_station_that_is_no_subject_token_is_refused_before_it_is_published(station):
    with pytest.raises(BadRequest, match="cannot be used"):
        Place("lyon", "smt1", station)
