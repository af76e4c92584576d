from dataclasses import replace

from services.opcua_bridge.domain.episodes import NEVER, Episode, OpenEpisodes, Overtaking
from services.opcua_bridge.domain.line import LineName, PauseRequest, StationName

LINE, OTHER = LineName("lyon", "smt1"), LineName("lyon", "smt2")
A, B = Episode(StationName(LINE, "aoi1"), "a"), Episode(StationName(LINE, "aoi2"), "b")
ELSEWHERE = Episode(StationName(OTHER, "aoi1"), "a")


def test_a_confirmed_pause_ends_when_the_line_runs_and_only_on_its_line():
    episodes = OpenEpisodes()
    for episode in (A, B, ELSEWHERE):
        episodes.settled(episode, confirmed=True, sent_at=10.0)
    assert episodes.ended_by_running(LINE, NEVER) == [A, B]


def test_an_unconfirmed_pause_ends_only_if_the_line_was_seen_paused_after_it_was_asked():
    episodes = OpenEpisodes()
    episodes.settled(A, confirmed=False, sent_at=10.0)
    assert episodes.ended_by_running(LINE, NEVER) == []
    assert episodes.ended_by_running(LINE, 9.0) == []
    assert episodes.ended_by_running(LINE, 11.0) == [A]


def test_a_pause_that_was_never_written_opens_nothing():
    episodes = OpenEpisodes()
    episodes.settled(A, confirmed=False, sent_at=None)
    assert episodes.ended_by_running(LINE, 11.0) == []


def test_a_later_attempt_that_failed_does_not_undo_the_confirmation():
    episodes = OpenEpisodes()
    episodes.settled(A, confirmed=True, sent_at=10.0)
    episodes.settled(A, confirmed=False, sent_at=10.0)
    assert episodes.ended_by_running(LINE, NEVER) == [A]


def test_a_resumed_episode_is_over():
    episodes = OpenEpisodes()
    episodes.settled(A, confirmed=True, sent_at=10.0)
    episodes.resumed(A)
    episodes.resumed(B)
    assert episodes.ended_by_running(LINE, 11.0) == []


def request(sequence: int = 7, held: StationName = A.station, episode: str = "a", rule: str = "r") -> PauseRequest:
    return PauseRequest("q", episode, held, "5 times spur", 1, 5, 99.0, sequence, A.station, rule, "spur")


def test_a_request_whose_rule_has_asked_again_since_is_overtaken_and_the_newer_one_is_not():
    known = Overtaking()
    for sequence in (9, 7):
        known.asked(A.station, "r", "spur", sequence)
    assert "asked again" in known.why(request(7))
    assert known.why(request(9)) == ""
    assert known.why(request(7, rule="another")) == ""
    assert known.why(request(7, rule="")) == ""


def test_what_was_asked_in_a_lost_stream_overtakes_nothing_of_the_new_one():
    """R3: living bridges called each stop superseded until the new stream was as long as the old one."""
    known = Overtaking()
    known.asked(A.station, "r", "spur", 99, born=1.0)
    assert known.why(replace(request(7), born=2.0)) == ""
    known.asked(A.station, "r", "spur", 7, born=2.0)
    known.asked(A.station, "r", "spur", 8, born=2.0)
    assert "asked again" in known.why(replace(request(7), born=2.0))


def test_a_resumed_line_overtakes_what_its_episode_asked_of_the_whole_pause_group_but_of_no_one_else():
    known = Overtaking()
    known.resumed(LINE, "a")
    assert "resumed" in known.why(request())
    assert "resumed" in known.why(request(held=ELSEWHERE.station))
    assert known.why(request(episode="b")) == ""
    known.resumed(OTHER, "b")
    assert known.why(request(episode="b")) == ""


def test_a_closed_incident_overtakes_its_requests_and_memory_is_bounded():
    known = Overtaking()
    known.closed("a")
    assert "closed" in known.why(request())
    for number in range(1_000):
        known.closed(f"later-{number}")
    assert known.why(request()) == ""
