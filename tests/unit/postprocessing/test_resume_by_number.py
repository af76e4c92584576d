"""What came before a resume, and in which lot, is said by numbers, never by a camera's clock alone (R2)."""

import pytest
from jidoka.frame.v1 import frame_pb2
from jidoka.verdict.v1 import verdict_pb2
from rule_kit import Folded, book, part, run

from services.postprocessing.adapters import rule_messages
from services.postprocessing.domain.rules.action import What

FIRST_S, DAY_S = -62_135_596_800.0, 86_400.0
"""Year 1, and a day."""


def resumed(**more) -> Folded:
    """Stopped at part 6 and resumed."""
    folded = Folded(book()).parts([part(1, **more), *run(2, 6, "open", **more)])
    episode = folded.episodes[0]
    return folded.settled(episode.request_id).resumed(episode.id, 1000.9)


def pauses(folded: Folded) -> int:
    return len(folded.of(What.PAUSE))


@pytest.mark.parametrize("captured_at_s", [FIRST_S, -DAY_S, 880.0, 1000.0 + DAY_S, 253_402_300_799.0])
@pytest.mark.parametrize("late", [False, True])
def test_a_camera_whose_clock_is_wrong_stops_its_line_after_a_resume(captured_at_s, late):
    """Seen: 120 s slow, and 12 defective parts after a resume brought no request."""
    folded = resumed().parts(run(7, 18, "open", captured_at_s=captured_at_s, late=late))

    assert pauses(folded) == 2


def test_a_bridge_whose_clock_is_fast_switches_no_rule_off():
    folded = Folded(book()).parts(run(1, 5, "open"))
    episode = folded.episodes[0]
    folded.settled(episode.request_id).resumed(episode.id, 1000.6 + DAY_S).parts(run(6, 10, "open"))

    assert pauses(folded) == 2


def test_a_bridge_whose_clock_is_slow_still_empties_the_charts():
    """The second resume seemed to be older than the first; one bad part more would have stopped the line."""
    one, two = {"id": "a", "k": 5}, {"id": "b", "k": 6}
    rules = [{"kind": "consecutive", "by": ["station"], "actions": ["pause_line"], **each} for each in (one, two)]
    folded = Folded(book(*rules)).parts(run(1, 5, "open"))
    first = folded.episodes[0]
    folded.settled(first.request_id).resumed(first.id, 1000.6).parts(run(6, 10, "open"))
    second = folded.of(What.PAUSE)[1].episode
    folded.settled(second.request_id).resumed(second.id, 900.0).parts(run(11, 14, "open"))

    assert pauses(folded) == 2


def test_a_missed_part_of_before_the_resume_that_is_judged_after_it_belongs_before_it():
    folded = Folded(book()).parts([*run(1, 5, "open"), part(7, "open")])
    episode = folded.episodes[0]
    folded.settled(episode.request_id).resumed(episode.id, 1000.9)
    folded.parts([part(6, "open", captured_at_s=1000.0 + DAY_S), *run(8, 11, "open")])
    assert pauses(folded) == 1

    assert pauses(folded.parts([part(12, "open")])) == 2


def test_a_number_far_ahead_at_the_moment_of_the_resume_does_not_put_a_whole_lot_before_it():
    """Found by the property over random histories: 988 parts would not have counted."""
    folded = Folded(book()).parts([*run(1, 6, "open"), part(999, at_s=-99.0)])
    episode = folded.episodes[0]
    folded.settled(episode.request_id).resumed(episode.id, 1000.9).parts(run(7, 11, "open"))

    assert pauses(folded.silent(1010.0)) == 2


def test_a_lot_comes_back_whatever_the_camera_thinks_the_time_is():
    """A lot begun by a frame of tomorrow made the lots of before invisible (the attack's runs without a request)."""
    tomorrow_s = 1000.0 + DAY_S
    lots = [*run(1, 3, lot="a"), *run(1, 3, lot="b"), part(1, lot="c", captured_at_s=tomorrow_s)]
    folded = Folded(book()).parts([*lots, *run(4, 8, "open", lot="a")])

    assert pauses(folded) == 1


def test_a_camera_whose_clock_is_set_back_is_still_seen_in_the_lot_before():
    folded = Folded(book()).parts([*run(1, 3, lot="a"), *run(1, 3, lot="b")])
    folded.parts(run(4, 8, "open", lot="a", captured_at_s=FIRST_S))

    assert pauses(folded) == 1


def test_a_verdict_says_whether_it_is_late_and_when_it_was_taken_by_the_brokers_clock():
    verdict = verdict_pb2.Verdict(
        station=frame_pb2.StationPath(site="lyon", line="smt1", station="aoi1"), inspection_id="i"
    )
    verdict.captured_at.FromSeconds(880)
    verdict.judged_at.FromSeconds(1_001)
    assert (rule_messages.part(verdict).captured_at_s, rule_messages.part(verdict).late) == (880, False)

    verdict.taken_at.FromSeconds(1_000)
    verdict.late = True
    assert (rule_messages.part(verdict).captured_at_s, rule_messages.part(verdict).late) == (1_000, True)
