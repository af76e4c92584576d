from services.gateway.domain import Bounded, View


def verdict(number: int, outcome: str = "OUTCOME_PASS") -> dict:
    return {"inspectionId": f"i{number}", "outcome": outcome, "station": {"site": "lyon", "line": "smt1"}}


def view(limit: int = 3) -> View:
    return View(Bounded(limit), Bounded(limit), Bounded(limit))


def test_only_the_newest_are_remembered_newest_first():
    seen = view()
    for number in range(5):
        seen.on_verdict("lyon/smt1", verdict(number))

    assert [entry["inspectionId"] for entry in seen.inspections.newest(10)] == ["i4", "i3", "i2"]
    assert seen.inspections.get("i0") is None


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


def test_a_line_shows_its_last_pause():
    seen = view()
    seen.on_line("lyon/smt1", "lastPause", {"outcome": "PAUSE_OUTCOME_CONFIRMED"})

    assert seen.lines["lyon/smt1"]["lastPause"]["outcome"] == "PAUSE_OUTCOME_CONFIRMED"
