"""The oracle of `jidoka chaos plant`: hand-made ledgers in which exactly one thing is wrong."""

import pytest
from jidoka.verdict.v1 import verdict_pb2

from tools.chaos.ledgers import Ledgers, Request, Run, Said, Span, Written, fifth_of, present_s
from tools.chaos.oracle import MUST_BE_ZERO, findings, mistakes
from tools.simulators.plc_memory import Effect

NEVER = float("inf")
EPOCH = 7 << 24


def said(number: int, outcome: int = verdict_pb2.OUTCOME_PASS, station: str = "aoi1", **more) -> Said:
    verdict = verdict_pb2.Verdict(inspection_id=f"i{number}", outcome=outcome, **more)
    return Said(station, f"i{number}", verdict.SerializeToString(deterministic=True), 10.0 + number)


def good(**changed) -> Ledgers:
    """One run of defects, one stop in time, one order, and everybody agrees."""
    ledgers = {
        "told": [said(1), said(2), said(2)],
        "kept": [said(1), said(2), said(3)],
        "requests": {"r1": Request("incident-1", expires_at=25.0)},
        "written": [Written("r1", EPOCH | 1, 20.5)],
        "confirmed": [Span(20.5, 21.5, "r1")],
        "effects": [Effect(EPOCH | 1, 20.6)],
        "held": [Span(20.6, 23.0)],
        "runs": [Run("aoi1", fifth_at=20.0, ended_at=20.7)],
        "wanted": ["incident-1"],
        "orders": ["incident-1"],
    }
    return Ledgers(**(ledgers | changed))


def wrong(found: dict) -> dict[str, int]:
    return {key: found[key] for key in MUST_BE_ZERO if found.get(key)}


def test_where_everybody_agrees_nothing_is_wrong():
    found = findings(good())
    assert wrong(found) == {}
    assert mistakes(found) == []
    assert (found["acknowledged"], found["answers"], found["stops"], found["runs"], found["orders"]) == (2, 3, 1, 1, 1)


def test_an_acknowledged_verdict_that_the_stream_has_not_is_lost():
    assert wrong(findings(good(kept=[said(1)]))) == {"lost": 1}


def test_the_same_id_at_another_station_is_no_substitute():
    assert wrong(findings(good(told=[said(1), said(1, station="aoi2")], kept=[said(1)]))) == {"lost": 1}


def test_every_answer_that_is_not_the_stored_one_differs_and_its_fields_are_named():
    told = [said(1), said(2, verdict_pb2.OUTCOME_FAIL), said(2, verdict_pb2.OUTCOME_FAIL)]
    found = findings(good(told=told))
    assert wrong(found) == {"differing": 2}
    assert found["differing_in"] == {"outcome": 2}


def test_an_answer_with_one_timing_more_than_the_stored_one_differs():
    late = said(1, timings=[{"stage": "publish", "duration_ms": 0.5}])
    found = findings(good(told=[late]))
    assert (wrong(found), found["differing_in"]) == ({"differing": 1}, {"timings": 1})


def test_an_inspection_that_is_kept_twice_is_counted():
    assert wrong(findings(good(kept=[said(1), said(2), said(1)]))) == {"kept_twice": 1}


def test_two_effects_of_one_request_are_a_double_stop():
    effects = [Effect(EPOCH | 1, 20.6), Effect((8 << 24) | 1, 24.0)]
    assert wrong(findings(good(effects=effects))) == {"double_stops": 1}


def test_effects_of_two_requests_of_one_incident_are_a_double_stop():
    requests = {"r1": Request("incident-1", 25.0), "r2": Request("incident-1", 35.0)}
    written = [Written("r1", EPOCH | 1, 20.5), Written("r2", EPOCH | 2, 30.0)]
    effects = [Effect(EPOCH | 1, 20.6), Effect(EPOCH | 2, 30.1)]
    assert wrong(findings(good(requests=requests, written=written, effects=effects))) == {"double_stops": 1}


def test_two_incidents_may_each_have_their_stop():
    requests = {"r1": Request("incident-1", 25.0), "r2": Request("incident-2", 35.0)}
    written = [Written("r1", EPOCH | 1, 20.5), Written("r2", EPOCH | 2, 30.0)]
    effects = [Effect(EPOCH | 1, 20.6), Effect(EPOCH | 2, 30.1)]
    assert wrong(findings(good(requests=requests, written=written, effects=effects))) == {}


def test_a_number_that_another_life_of_the_stream_used_belongs_to_the_request_before_the_effect():
    requests = {"r1": Request("incident-1", 25.0), "r2": Request("incident-2", 95.0)}
    written = [Written("r1", EPOCH | 1, 20.5), Written("r2", EPOCH | 1, 90.0)]
    effects = [Effect(EPOCH | 1, 20.6), Effect(EPOCH | 1, 90.1)]
    assert wrong(findings(good(requests=requests, written=written, effects=effects))) == {}


def test_a_stop_behind_the_end_of_its_request_is_late():
    assert wrong(findings(good(effects=[Effect(EPOCH | 1, 25.1)]))) == {"late_stops": 1}


def test_a_stop_that_nobody_asked_for_is_seen():
    assert wrong(findings(good(effects=[Effect(EPOCH | 1, 20.6), Effect(EPOCH | 9, 40.0)]))) == {"unasked_stops": 1}


def test_a_confirmed_stop_that_never_was_is_seen():
    found = findings(good(effects=[], held=[], runs=[]))
    assert wrong(found) == {"believed_stops": 1}


def test_a_request_that_found_the_line_standing_already_is_believed_by_right():
    ledgers = good(confirmed=[Span(20.5, 21.5, "r1"), Span(22.0, 22.5, "r2")])
    assert wrong(findings(ledgers)) == {}


def test_a_run_of_defects_without_a_stop_is_missing_one():
    run = Run("aoi1", fifth_at=100.0, ended_at=161.0)
    assert wrong(findings(good(runs=[run]))) == {"missing_stops": 1}


def test_a_stop_that_comes_after_more_than_a_minute_is_missing_too():
    run, held = Run("aoi1", fifth_at=100.0, ended_at=170.0), [Span(20.6, 23.0), Span(165.0, 170.0)]
    assert wrong(findings(good(runs=[run], held=held))) == {"missing_stops": 1}


def test_the_minute_counts_only_while_everything_that_a_stop_takes_is_there():
    run, away = Run("aoi1", fifth_at=100.0, ended_at=161.0), [Span(90.0, 102.0), Span(101.0, 103.0), Span(159.0, NEVER)]
    assert wrong(findings(good(runs=[run], away=away))) == {}


@pytest.mark.parametrize("run", [Run("aoi1", NEVER, 900.0), Run("aoi1", 100.0, 159.0)])
def test_a_run_that_was_too_short_or_ended_in_time_is_owed_no_stop(run):
    assert wrong(findings(good(runs=[run]))) == {}


def test_an_order_that_is_not_in_the_mes_is_missing_and_one_that_is_there_twice_is_double():
    assert wrong(findings(good(orders=[]))) == {"orders_missing": 1}
    assert wrong(findings(good(orders=["incident-1", "incident-1"]))) == {"orders_double": 1}


def test_every_mistake_is_said_in_words():
    found = dict.fromkeys(MUST_BE_ZERO, 2)
    assert mistakes(found) == [f"2 {words}" for words in MUST_BE_ZERO.values()]


def test_time_is_counted_without_what_was_away_however_it_overlaps():
    away = [Span(5.0, 7.0), Span(2.0, 6.0), Span(6.5, 6.8), Span(9.0, 20.0)]
    assert present_s(0.0, 10.0, away) == pytest.approx(10 - 5 - 1)
    assert present_s(3.0, 4.0, away) == 0.0
    assert present_s(4.0, 3.0, away) == 0.0


def test_a_run_is_long_enough_when_all_before_its_fifth_part_have_been_told():
    told = {n: (True, 100.0 + n) for n in range(1, 6)}
    assert fifth_of(told, 1) == 105.0
    assert fifth_of(told | {2: (True, 120.0)}, 1) == 120.0
    assert fifth_of(told | {3: (False, 103.0)}, 1) == NEVER
    assert fifth_of(told | {3: (False, 103.0)} | {n: (True, 100.0 + n) for n in (6, 7, 8)}, 1) == 108.0
    assert fifth_of({n: told[n] for n in (1, 2, 4, 5)}, 1) == NEVER
