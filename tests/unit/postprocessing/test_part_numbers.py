"""Odd part numbers: none of them makes the rules blind, and what does not count in its turn is an alarm (S12, R5)."""

import pytest
from prometheus_client import REGISTRY
from rule_kit import LINE, Folded, book, part, run
from test_keeper import Store, Wishes, started

from services.contracts.rule_set import RuleSet
from services.postprocessing.domain.rules.action import What

HUGE = 2**40


def alarms(folded: Folded) -> list[int]:
    return [action.number for action in folded.of(What.WARN) if action.episode.rule_id == "ignored-parts"]


def pauses(folded: Folded) -> int:
    return len(folded.of(What.PAUSE))


@pytest.mark.parametrize("odd", [HUGE, 1_500])
def test_one_part_with_a_number_far_ahead_does_not_blind_the_rules_for_the_rest_of_the_lot(odd):
    """Seen: one part numbered 2^40, then 9 of 9 FAIL and no request."""
    folded = Folded(book()).parts([*run(1, 20), part(odd, at_s=-odd * 0.1)]).silent(1010.0)
    folded.parts(run(21, 29, "open"))

    assert pauses(folded) == 1
    assert alarms(folded) == [1]


def test_numbers_that_go_on_behind_a_jump_are_a_new_count():
    folded = Folded(book()).parts([*run(1, 20), *run(HUGE, HUGE + 4, "open", judged_at_s=1010.0)])

    assert pauses(folded) == 1
    assert folded.state.orders["aoi1"].missed == 0


def test_numbers_without_any_sense_hide_no_run_between_them():
    """Each bad part is followed by one with a number from nowhere."""
    parts = [each for n in range(1, 8) for each in (part(n, "open"), part(7**n + 5_000, inconclusive=True, at_s=-1e6))]

    assert pauses(Folded(book()).parts(parts)) == 1


def test_a_camera_that_tells_a_huge_number_of_parts_of_the_last_lot_is_not_believed():
    folded = Folded(book()).parts([*run(1, 5), *run(1, 6, "open", lot="b", previous_lot_parts=HUGE)])

    assert pauses(folded) == 1
    assert folded.state.orders["aoi1"].missed < 1_000


@pytest.mark.parametrize("apart", [True, False], ids=["one after the other", "side by side"])
def test_two_cameras_with_one_identity_are_an_alarm_at_once_and_stop_the_line_for_either(apart):
    """Seen: 15 good and 15 defective parts under the same numbers: 30 stored, 0 requests."""
    good = run(1, 15)
    bad = [part(n, "open", inspection_id=f"b-{n}") for n in range(1, 16)]
    folded = Folded(book())
    folded.parts([*good, *bad] if apart else [each for pair in zip(good, bad, strict=True) for each in pair])

    assert pauses(folded) == 1
    assert alarms(folded) == [1, 2, 4, 8]
    text = next(action for action in folded.said if action.episode.rule_id == "ignored-parts").finding.detail
    assert "two cameras with one identity" in text
    assert "aoi1" in text


def test_frames_that_come_after_their_turn_do_not_make_a_run_of_parts_that_were_far_apart():
    """FAIL parts that are always too late would otherwise be five in a row, with twenty good ones between them."""
    folded = Folded(book(reorder_parts=2, reorder_s=0.1))
    for n in range(1, 12):
        folded.parts(run(n * 20 + 2, n * 20 + 20))
        folded.parts([part(n * 20 + 1, "open")])

    assert pauses(folded) == 0
    assert alarms(folded) == [1, 2, 4, 8]


def test_a_count_that_begins_anew_in_the_same_lot_is_seen():
    folded = Folded(book()).parts(run(1, 300))
    folded.parts(run(1, 9, "open", at_s=100.0, inspection_id="again"))  # one id: only the first is no repetition
    assert pauses(folded) == 0

    folded.parts([part(n, "open", at_s=100.0, inspection_id=f"again-{n}") for n in range(1, 10)])
    assert pauses(folded) == 1


def test_a_repetition_is_counted_and_no_alarm():
    folded = Folded(book()).parts([*run(1, 20), *run(1, 20)])

    assert folded.state.orders["aoi1"].ignored == {"repeated": 20}
    assert folded.said == []


def test_an_alarm_that_was_quiet_for_an_hour_is_told_anew():
    folded = Folded(book()).parts([*run(1, 20), *[part(n, inspection_id=f"b{n}") for n in (1, 3, 5)]])
    assert alarms(folded) == [1, 2]

    folded.parts([part(7, inspection_id="b7", at_s=3_700.0)])
    assert alarms(folded) == [1, 2, 1]


def test_the_first_late_frames_after_a_resume_are_ignored_and_that_is_an_alarm():
    folded = Folded(book()).parts(run(1, 5, "open"))
    episode = folded.episodes[0]
    folded.settled(episode.request_id).resumed(episode.id, 1001.0)
    folded.parts(run(6, 8, "open", late=True))

    assert folded.state.orders["aoi1"].ignored == {"before-resume": 3}
    assert alarms(folded) == [1, 2]


async def test_what_is_ignored_is_a_counter_by_line_and_reason():
    keeper = await started(Store(), Wishes())
    labels = {"line": LINE, "why": "repeated"}
    before = REGISTRY.get_sample_value("jidoka_parts_ignored_total", labels) or 0.0
    for sequence, each in enumerate([*run(1, 4), *run(1, 4)], 1):
        await keeper.on_part(each, sequence)
    await keeper.stop()

    assert REGISTRY.get_sample_value("jidoka_parts_ignored_total", labels) == before + 4


def test_no_rule_may_have_the_alarms_name():
    rule = {"id": "ignored-parts", "kind": "consecutive", "k": 5, "actions": ["warn"]}
    with pytest.raises(ValueError, match="'ignored-parts' is the engine's own"):
        RuleSet.model_validate({"version": 1, "rules": [rule]})
