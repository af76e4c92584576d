from hypothesis import given
from hypothesis import strategies as st

from services.inference.domain.supervision import Backoff, Decision, Phase, Policy, Sign, Supervision

POLICY = Policy(start_deadline_s=30, misses=2, backoff=Backoff(base_s=0.2, cap_s=30), budget=5, window_s=600)
signs = st.lists(st.sampled_from(Sign), max_size=60)
jitters = st.floats(0, 1)


def live(now_s: float = 0.0) -> Supervision:
    state, _ = Supervision().launched(now_s).seen(Sign.ANSWERS, now_s, POLICY)
    return state


def test_one_silent_look_is_suspect_and_the_second_in_a_row_means_restart():
    suspect, first = live().seen(Sign.SILENT, 2, POLICY)
    _, second = suspect.seen(Sign.SILENT, 4, POLICY)

    assert (suspect.phase, first) == (Phase.SUSPECT, Decision.WAIT)
    assert second is Decision.RESTART


def test_an_answer_clears_the_suspicion():
    suspect, _ = live().seen(Sign.SILENT, 2, POLICY)
    cleared, decision = suspect.seen(Sign.ANSWERS, 4, POLICY)
    again, next_decision = cleared.seen(Sign.SILENT, 6, POLICY)

    assert (cleared.phase, cleared.misses, decision) == (Phase.READY, 0, Decision.OK)
    assert (again.phase, next_decision) == (Phase.SUSPECT, Decision.WAIT)


def test_a_starting_server_may_be_silent_until_its_deadline():
    starting = Supervision().launched(100)

    assert starting.seen(Sign.SILENT, 129.9, POLICY) == (starting, Decision.WAIT)
    assert starting.seen(Sign.SILENT, 130, POLICY) == (starting, Decision.RESTART)


def test_nothing_is_decided_while_no_server_runs():
    gone = live().ended(10, 0.5, POLICY)

    assert all(gone.seen(sign, 11, POLICY) == (gone, Decision.WAIT) for sign in Sign)


@given(signs)
def test_restart_is_decided_exactly_when_the_last_two_looks_were_silent(looks):
    state, silent = live(), 0
    for now_s, sign in enumerate(looks):
        silent = silent + 1 if sign is Sign.SILENT else 0
        state, decision = state.seen(sign, now_s, POLICY)
        assert decision is [Decision.OK, Decision.WAIT, Decision.RESTART][min(silent, 2)]


@given(st.integers(1, 10_000), jitters, st.floats(0.01, 10), st.floats(10, 100))
def test_a_pause_never_exceeds_the_cap_nor_falls_below_half_of_the_base(attempt, jitter, base_s, cap_s):
    assert base_s / 2 <= Backoff(base_s, cap_s).delay_s(attempt, jitter) <= cap_s


@given(st.integers(1, 40), jitters)
def test_pauses_do_not_shrink_from_one_attempt_to_the_next(attempt, jitter):
    assert POLICY.backoff.delay_s(attempt, jitter) <= POLICY.backoff.delay_s(attempt + 1, jitter)


@given(st.lists(st.tuples(st.floats(0, 500), jitters), min_size=1, max_size=60))
def test_restarts_stay_within_budget_and_memory(falls):
    """Past the budget every pause is at least half of the longest one, and the state does not grow."""
    state, now_s = Supervision(), 0.0
    for gap_s, jitter in falls:
        now_s += gap_s
        state = state.launched(now_s).ended(now_s, jitter, POLICY)
        pause_s = state.not_before_s - now_s
        assert state.phase is Phase.RESTARTING
        assert len(state.restarts) <= POLICY.budget + 1
        assert pause_s >= (POLICY.backoff.cap_s / 2 - 1e-6 if state.exhausted(POLICY) else 0.1 - 1e-6)


def test_old_restarts_are_forgotten_so_that_a_rare_crash_is_answered_at_once():
    state = Supervision()
    for now_s in range(6):
        state = state.ended(now_s, 1.0, POLICY)
    assert state.exhausted(POLICY)

    later = state.ended(2000, 1.0, POLICY)
    assert not later.exhausted(POLICY)
    assert abs(later.not_before_s - 2000.2) < 1e-9
