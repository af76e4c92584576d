from services.gateway.domain import Bounded, View, aged

AT = {"site": "lyon", "line": "smt1", "station": "aoi1"}


def verdict(number: int, outcome: str = "OUTCOME_PASS") -> dict:
    return {"inspectionId": f"i{number}", "outcome": outcome, "station": AT}


def view(limit: int = 3) -> View:
    return View(Bounded(limit), Bounded(limit), Bounded(limit))


def test_only_the_newest_are_remembered_newest_first():
    seen = view()
    for number in range(5):
        seen.on_verdict("lyon/smt1", verdict(number))

    assert [entry["inspectionId"] for entry in seen.inspections.newest(10)] == ["i4", "i3", "i2"]
    assert seen.verdict("lyon/smt1/aoi1", "i0") is None


def test_a_verdict_that_comes_twice_counts_once():
    seen = view()
    for _ in range(2):
        seen.on_verdict("lyon/smt1", verdict(1, "OUTCOME_FAIL"))
    seen.on_verdict("lyon/smt1", verdict(2))

    assert seen.lines["lyon/smt1"]["verdicts"] == {"PASS": 1, "FAIL": 1, "INCONCLUSIVE": 0}


def test_a_work_request_shows_how_far_it_got_and_keeps_what_it_was():
    seen = view()
    seen.on_workrequest("k", "REQUESTED", {"key": "k", "title": "open: 5 parts in a row"})
    seen.on_workrequest("k", "OPENED", {"key": "k", "externalId": "WO-1"})

    order = {"key": "k", "title": "open: 5 parts in a row", "externalId": "WO-1", "status": "OPENED"}
    assert seen.workrequests.newest(1) == [order]


def step(state: str, episode: str = "e1") -> dict:
    return {"episodeId": episode, "requestId": "r1", "state": f"PAUSE_STATE_{state}"}


def test_a_line_shows_how_far_the_pause_has_come_until_the_operator_resumed():
    seen = view()
    for state in ("SENT", "ACKED", "CONFIRMED"):
        seen.on_pause_progressed("lyon/smt1", step(state))
        assert seen.lines["lyon/smt1"]["pauseStep"]["state"] == state
    seen.on_resumed("lyon/smt1", {"episodeId": "another"})
    assert "pauseStep" in seen.lines["lyon/smt1"]
    seen.on_resumed("lyon/smt1", {"episodeId": "e1"})
    assert "pauseStep" not in seen.lines["lyon/smt1"]
    assert seen.lines["lyon/smt1"]["lastResume"] == {"episodeId": "e1"}
    seen.on_pause_progressed("lyon/smt1", step("CONFIRMED"))  # the other stream was read later
    assert "pauseStep" not in seen.lines["lyon/smt1"]
    seen.on_pause_progressed("lyon/smt1", step("SENT", "e2"))
    assert seen.lines["lyon/smt1"]["pauseStep"]["episodeId"] == "e2"


def test_a_line_shows_the_alarms_that_stand_and_no_others():
    seen = view()
    lost = {"alarmClass": "ALARM_CLASS_COMMS_LOSS", "active": True, "since": "T1", "detail": "unplugged"}
    old = {"alarmClass": "ALARM_CLASS_CERTIFICATE", "active": True, "since": "T2", "detail": "in less than 60 days"}
    for fact in (lost, old, {**old, "detail": "in less than 30 days"}):
        seen.on_alarm("lyon/smt1", fact)
    assert seen.lines["lyon/smt1"]["alarms"] == {
        "COMMS_LOSS": {"since": "T1", "detail": "unplugged"},
        "CERTIFICATE": {"since": "T2", "detail": "in less than 30 days"},
    }
    seen.on_alarm("lyon/smt1", {"alarmClass": "ALARM_CLASS_COMMS_LOSS", "since": "T1"})
    assert list(seen.lines["lyon/smt1"]["alarms"]) == ["CERTIFICATE"]


def test_a_line_shows_its_last_pause():
    seen = view()
    seen.on_line("lyon/smt1", "lastPause", {"outcome": "PAUSE_OUTCOME_CONFIRMED"})

    assert seen.lines["lyon/smt1"]["lastPause"]["outcome"] == "PAUSE_OUTCOME_CONFIRMED"


def looked(number: int, station: str = "aoi1") -> dict:
    return verdict(number) | {"station": {"site": "lyon", "line": "smt1", "station": station}}


def test_a_station_is_silent_until_its_next_verdict_whichever_is_read_first():
    quiet = {"station": {"site": "lyon", "line": "smt1", "station": "aoi1"}, "silentSince": "T1", "noticedAt": "T2"}
    seen = view()
    seen.on_verdict("lyon/smt1", looked(1), 10)
    seen.on_silent("lyon/smt1", quiet, 11)
    seen.on_verdict("lyon/smt1", looked(2, "aoi2"), 12)
    assert seen.lines["lyon/smt1"]["silent"] == {"aoi1": {"silentSince": "T1", "noticedAt": "T2"}}
    seen.on_verdict("lyon/smt1", looked(1), 10)  # read again from the tail: it is older than the word
    assert "aoi1" in seen.lines["lyon/smt1"]["silent"]
    seen.on_verdict("lyon/smt1", looked(3), 13)
    assert seen.lines["lyon/smt1"]["silent"] == {}
    seen.on_silent("lyon/smt1", quiet, 11)
    assert seen.lines["lyon/smt1"]["silent"] == {}


def test_an_update_without_an_order_makes_none():
    seen = view()
    seen.on_work_updated("lyon/smt1", {"key": "e1", "episodeId": "e1", "signals": 2})

    assert seen.workrequests.newest() == []
    assert seen.incidents.get("e1")["update"] == {"signals": 2}


def test_a_lines_state_says_how_old_it_is():
    """R10: nobody had the duty, and the old state stood there as if it were the present one."""
    line = {"state": {"linkUp": True, "changedAt": "1970-01-01T00:01:40.500Z"}, "lastPause": {}}
    assert aged(line, 160.0) == {**line, "state": {**line["state"], "ageS": 59.5}}
    assert aged(line, 90.0)["state"]["ageS"] == 0.0, "the bridge's clock is ahead"
    assert aged({"verdicts": {}}, 160.0) == {"verdicts": {}}
