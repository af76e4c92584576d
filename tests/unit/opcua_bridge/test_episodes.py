from services.opcua_bridge.domain.line import NEVER, Episode, LineName, OpenEpisodes, StationName

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
