"""A pause request whose receipt is late or never comes: the line is neither left running nor stopped twice (S4)."""

from rule_kit import CONSECUTIVE, Folded, book, part, run

from services.postprocessing.domain.rules.action import What
from services.postprocessing.domain.rules.state import Phase

OVER_S = 30.0
"""So long after it was asked a request counts as expired: it lives for 5 s, and its receipt may come a while later."""
SHORT = {**CONSECUTIVE, "id": "short", "of": {"defect": "short"}}


def asked(*rules: dict, **more) -> Folded:
    """Five in a row, asked with part 5 at 1000.5."""
    return Folded(book(*rules, **more)).parts(run(1, 5, "open"))


def pauses(folded: Folded) -> list[int]:
    return [action.number for action in folded.of(What.PAUSE)]


def test_a_request_without_a_receipt_is_asked_again_with_the_next_bad_part_once_it_is_over():
    """Seen: one request was stolen, and ten minutes of defects brought no other."""
    folded = asked().parts(run(6, 50, "open"))
    assert pauses(folded) == [1], "its receipt may still come"

    folded.parts([part(51, at_s=OVER_S)])
    assert pauses(folded) == [1], "a good part stops nothing"
    folded.parts(run(52, 56, "open", at_s=OVER_S))
    first, second = folded.of(What.PAUSE)
    assert (second.id, second.episode.id) == (f"{first.episode.id}-2", first.episode.id)
    assert len(folded.of(What.MAINTENANCE)) == 1


def test_the_clock_of_the_silence_watch_counts_too():
    folded = asked().silent(1000.5 + OVER_S)
    assert [episode.phase for episode in folded.episodes] == [Phase.FAILED]

    assert pauses(folded.parts([part(6, "open")])) == [1, 2]


def test_another_rules_request_without_a_receipt_blocks_nobody_for_ever():
    folded = asked(CONSECUTIVE, SHORT).parts([part(6), *run(7, 11, "short", at_s=OVER_S)])

    assert [action.episode.label for action in folded.of(What.PAUSE)] == ["open", "short"]


def test_a_receipt_that_comes_late_is_believed_and_nobody_asks_again():
    folded = asked().silent(1000.5 + OVER_S)
    folded.settled(folded.of(What.PAUSE)[0].id).parts(run(6, 30, "open", at_s=OVER_S))

    assert pauses(folded) == [1]
    assert [episode.phase for episode in folded.episodes] == [Phase.HELD]
    assert len(folded.of(What.CONTAIN)) == 1


def test_the_first_requests_late_receipt_is_believed_while_the_second_is_pending_and_the_stop_counts_once():
    folded = asked().parts(run(6, 10, "open", at_s=OVER_S))
    first, second = folded.of(What.PAUSE)
    folded.settled(first.id).settled(second.id, confirmed=False, retry=True).settled(second.id)
    folded.parts(run(11, 30, "open", at_s=OVER_S))

    assert pauses(folded) == [1, 2]
    assert len(folded.of(What.CONTAIN)) == len(folded.state.stops_s) == 1
    episode = folded.episodes[0]
    assert folded.resumed(episode.id, 1030.0).episodes == [] or all(e.phase is not Phase.HELD for e in folded.episodes)


def test_a_late_refusal_of_the_first_request_says_nothing_about_the_second():
    folded = asked().parts(run(6, 10, "open", at_s=OVER_S))
    first, second = folded.of(What.PAUSE)
    folded.settled(first.id, confirmed=False)
    assert folded.episodes[0].phase is Phase.REQUESTED

    assert folded.settled(second.id).episodes[0].phase is Phase.HELD


def test_closing_an_incident_ends_it_although_its_request_is_pending():
    """Seen: oscar closed the incident (200, stored), and the line still had no stop."""
    folded = asked()
    folded.closed(folded.episodes[0].id).parts([part(6), *run(7, 11, "open", at_s=OVER_S)])

    first, second = folded.of(What.PAUSE)
    assert second.episode.id != first.episode.id
    assert len(folded.of(What.MAINTENANCE)) == 2


def test_while_a_closed_incidents_request_may_still_be_executed_nobody_asks():
    folded = asked()
    folded.closed(folded.episodes[0].id).parts([part(6), *run(7, 20, "open")])
    assert pauses(folded) == [1]
    assert len(folded.of(What.MAINTENANCE)) == 2, "the new incident has its order at once"

    assert pauses(folded.parts([part(21, "open", at_s=OVER_S)])) == [1, 1], "and its stop as soon as it can"


def test_a_stop_that_came_after_its_incident_was_closed_holds_the_line_until_the_operator_resumes():
    folded = asked()
    (request,) = folded.of(What.PAUSE)
    folded.closed(request.episode.id).settled(request.id, at_s=1001.0)
    folded.parts([part(6), *run(7, 30, "open", at_s=OVER_S)])
    assert pauses(folded) == [1], "the line is held"

    folded.resumed(request.episode.id, 1100.0).parts([part(31, at_s=100.0), *run(32, 36, "open", at_s=100.0)])
    assert pauses(folded) == [1, 1]


def test_a_receipt_of_before_the_resume_holds_nothing_after_it():
    """The second request met a line that stood already; its receipt comes after the resume, and the line runs."""
    folded = asked().parts(run(6, 10, "open", at_s=OVER_S))
    first, second = folded.of(What.PAUSE)
    folded.settled(first.id, at_s=1020.0).resumed(first.episode.id, 1030.0).settled(second.id, at_s=1029.0)
    folded.parts([part(11, at_s=60.0), *run(12, 16, "open", at_s=60.0)])

    assert pauses(folded) == [1, 2, 1]


def test_a_refused_rule_that_is_true_anew_asks_although_something_else_was_pending_at_that_moment():
    """One signal came while another rule's request was on its way: the quiet before it was forgotten with that."""
    folded = asked(CONSECUTIVE, SHORT)
    folded.settled(folded.of(What.PAUSE)[0].id, confirmed=False)
    folded.parts([part(6), *run(7, 11, "short"), *run(12, 16, "open", "short")])
    assert [action.episode.label for action in folded.of(What.PAUSE)] == ["open", "short"]

    folded.settled(folded.of(What.PAUSE)[1].id, confirmed=False)
    folded.parts([part(17, "open")])
    assert [action.episode.label for action in folded.of(What.PAUSE)] == ["open", "short", "open"]


def test_an_incident_that_is_forgotten_makes_way_for_the_run_that_is_seen():
    """A run of exactly five brought nothing when an incident of last week was still open."""
    week_s = 7 * 86_400.0
    folded = Folded(book()).parts([*run(1, 5, "open"), *run(1, 5, "open", lot="lot2", at_s=week_s + 10)])

    assert len({action.episode.id for action in folded.of(What.PAUSE)}) == 2
