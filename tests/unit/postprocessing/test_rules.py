"""The fold decides the same whatever the broker does with order, repetition and restarts."""

import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from services.postprocessing.domain.checkpoint import RuleState, from_data, to_data
from services.postprocessing.domain.order import Part, Patience
from services.postprocessing.domain.rules import (
    Pause,
    Rule,
    StationState,
    WorkOrder,
    on_resumed,
    on_settled,
    on_verdict,
)

RULE = Rule("repeated-defect", k=5, pause_line=True, maintenance_request=True, pause_ttl_s=5)
PATIENCE = Patience(parts=16, seconds=2)
PLACE = "lyon/smt1/aoi1"


def part(sequence: int, *labels: str, lot: str = "lot1", inconclusive: bool = False) -> Part:
    at_s = 1000.0 + sequence * 0.1
    return Part(f"i-{lot}-{sequence}", lot, sequence, None if inconclusive else labels, at_s, at_s)


def fold(parts, state: StationState | None = None):
    state, actions = state or StationState(), []
    for each in parts:
        state, fired = on_verdict(state, each, PLACE, [RULE], PATIENCE)
        actions += fired
    return state, actions


def test_five_in_a_row_ask_for_one_pause_and_one_order_of_the_same_incident():
    _, actions = fold([part(1), *(part(n, "open") for n in range(2, 9))])

    pause, order = actions
    assert isinstance(pause, Pause)
    assert isinstance(order, WorkOrder)
    assert pause.episode.id == order.episode.id
    assert (pause.run.first_sequence, pause.part.sequence) == (2, 6)
    assert order.run.inspections == tuple(f"i-lot1-{n}" for n in range(2, 7))


def test_four_in_a_row_a_good_part_or_mixed_labels_do_not_stop_the_line():
    assert fold([part(n, "open") for n in range(1, 5)])[1] == []
    assert fold([part(n, *(["open"] if n != 5 else [])) for n in range(1, 10)])[1] == []
    assert fold([part(n, "open" if n % 2 else "short") for n in range(1, 20)])[1] == []


def test_a_part_with_two_labels_extends_both_runs():
    _, actions = fold([part(1, "open"), *(part(n, "open", "short") for n in range(2, 6))])

    assert [a.episode.label for a in actions] == ["open", "open"]


def test_an_inconclusive_or_missing_part_neither_breaks_nor_extends_a_run():
    parts = [part(1, "open"), part(2, inconclusive=True), *(part(n, "open") for n in (3, 4, 5))]
    assert fold(parts)[1] == []
    assert len(fold([*parts, part(6, "open")])[1]) == 2
    late = Part("i-40", "lot1", 40, ("open",), 1100.0, 1100.0)  # parts 6..39 never came; patience has ended
    assert len(fold([*parts, late, Part("i-41", "lot1", 41, ("open",), 1110.0, 1110.0)])[1]) == 2


def test_a_new_lot_counts_afresh_and_stragglers_of_the_old_one_are_ignored():
    parts = [part(n, "open") for n in range(1, 5)]
    state, actions = fold([*parts, part(1, "open", lot="lot2"), part(5, "open"), part(2, "open", lot="lot2")])

    assert actions == []
    assert state.runs["open"].length == 2
    assert state.order.ignored == 1


def test_a_failed_pause_is_asked_again_while_the_rule_is_true_and_only_then():
    state, actions = fold([part(n, "open") for n in range(1, 6)])
    episode = actions[0].episode
    state = on_settled(state, episode.id, confirmed=False, retry=True)
    again, actions = fold([part(6, "open")], state)
    broken, none = fold([part(6)], state)

    assert [(a.request_id, a.episode.attempt) for a in actions] == [(f"{episode.id}-2", 2)]
    assert again.episodes[RULE.id].id == episode.id
    assert (none, dict(broken.episodes)) == ([], {})


def test_a_refused_pause_is_not_asked_again_within_the_incident():
    state, actions = fold([part(n, "open") for n in range(1, 6)])
    state = on_settled(state, actions[0].episode.id, confirmed=False, retry=False)

    assert fold([part(n, "open") for n in range(6, 20)], state)[1] == []


def test_after_the_operators_resume_the_next_incident_has_another_id():
    state, first = fold([part(n, "open") for n in range(1, 6)])
    state = on_settled(state, first[0].episode.id, confirmed=True, retry=False)
    held, none = fold([part(6, "open"), part(7, "open")], state)
    state = on_resumed(held, first[0].episode.id, 1000.75)
    _, second = fold([part(n, "open") for n in range(8, 13)], state)

    assert none == []
    assert second[0].episode.id != first[0].episode.id
    assert second[0].run.first_sequence == 8


def test_frames_that_were_kept_while_we_were_away_belong_to_the_incident_before_the_resume():
    state, first = fold([part(n, "open") for n in range(1, 6)])
    state = on_settled(state, first[0].episode.id, confirmed=True, retry=False)
    state = on_resumed(state, first[0].episode.id, resumed_at_s=1001.05)
    late, none = fold([part(n, "open") for n in range(6, 11)], state)
    _, again = fold([part(n, "open") for n in range(11, 16)], late)

    assert none == []
    assert again[0].run.first_sequence == 11


labels = st.sampled_from([(), ("open",), ("short",), ("open", "short")])


@settings(max_examples=150, deadline=None)
@given(st.lists(labels, min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_redelivery_reordering_and_restarts_change_no_action(sequence, rng: random.Random):
    """The sequential fold is the specification: duplicates, neighbours swapped, and a restart from a checkpoint."""
    parts = [part(n, *found) for n, found in enumerate(sequence, 1)]
    _, expected = fold(parts)
    disturbed = list(parts)
    for _ in range(len(parts) // 3):
        at = rng.randrange(len(parts))
        if at + 1 < len(parts) and disturbed[at].sequence == at + 1 and disturbed[at + 1].sequence == at + 2:
            disturbed[at], disturbed[at + 1] = disturbed[at + 1], disturbed[at]
    disturbed = [p for each in disturbed for p in [each] * rng.choice([1, 1, 2])]
    state, actions = StationState(), []
    for each in disturbed:
        state, fired = on_verdict(state, each, PLACE, [RULE], PATIENCE)
        actions += fired
        if rng.random() < 0.2:
            stored = json.dumps(to_data(RuleState(7, {PLACE: state})))
            state = from_data(json.loads(stored)).stations[PLACE]

    assert [(type(a), a.episode.id, a.part.sequence) for a in actions] == [
        (type(a), a.episode.id, a.part.sequence) for a in expected
    ]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 400), labels, st.booleans()), max_size=200))
def test_state_never_grows_without_bound(events):
    state = StationState()
    for sequence, found, new_lot in events:
        state, _ = on_verdict(state, part(sequence, *found, lot="b" if new_lot else "a"), PLACE, [RULE], PATIENCE)
        assert len(state.order.pending) <= PATIENCE.parts
        assert len(state.runs) <= 2
        assert all(len(run.inspections) <= RULE.k for run in state.runs.values())
