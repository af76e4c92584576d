"""What the rules decide, one fact after the other: when a line is stopped, who is called, and when it is over."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_kit import CONSECUTIVE, Folded, book, measured, part, run

from services.postprocessing.domain.checkpoint import line_from_data, line_to_data
from services.postprocessing.domain.rules.action import What
from services.postprocessing.domain.rules.state import Phase

WARN_RUN = {"id": "run", "kind": "consecutive", "k": 3, "actions": ["warn"], "quiet_parts": 4}


def stopped(**more) -> Folded:
    """Five in a row: the line was asked to hold."""
    return Folded(book(CONSECUTIVE, **more)).parts([part(1), *run(2, 6, "open")])


def test_five_in_a_row_ask_for_one_pause_and_one_order_of_the_same_incident_and_the_pause_first():
    folded = stopped().parts(run(7, 8, "open"))

    pause, order = folded.of(What.PAUSE) + folded.of(What.MAINTENANCE)
    assert [action.what for action in folded.said[:2]] == [What.PAUSE, What.MAINTENANCE]
    assert pause.episode.id == order.episode.id == order.id
    assert pause.id == f"{order.id}-1"
    assert (pause.finding.first.sequence, pause.finding.last.sequence) == (2, 6)
    assert [ref.inspection_id for ref in order.finding.evidence] == [f"i-aoi1-lot1-{n}" for n in range(2, 7)]


@pytest.mark.parametrize(
    "parts",
    [
        run(1, 4, "open"),
        [part(n, *(["open"] if n != 5 else [])) for n in range(1, 10)],
        [part(n, "open" if n % 2 else "short") for n in range(1, 20)],
    ],
    ids=["four", "a good part between", "mixed classes"],
)
def test_what_is_no_run_of_five_of_one_class_does_not_stop_the_line(parts):
    assert Folded(book()).parts(parts).said == []


def test_two_classes_at_once_are_two_orders_and_one_stop():
    folded = Folded(book()).parts(run(1, 7, "open", "short"))

    assert len(folded.of(What.PAUSE)) == 1
    assert {order.episode.label for order in folded.of(What.MAINTENANCE)} == {"open", "short"}


def test_an_inconclusive_or_missing_part_neither_breaks_nor_extends_a_run():
    parts = [part(1, "open"), part(2, inconclusive=True), *run(3, 5, "open")]
    assert Folded(book()).parts(parts).said == []
    assert Folded(book()).parts([*parts, part(6, "open")]).of(What.PAUSE)
    late = part(40, "open", at_s=100.0)  # parts 6..39 never came; patience has ended with the next
    assert Folded(book()).parts([*parts, late, part(41, "open", at_s=110.0)]).of(What.PAUSE)


def test_a_new_lot_counts_afresh_and_a_straggler_of_the_old_one_counts_where_it_belongs():
    folded = Folded(book()).parts([*run(1, 3, "open"), part(5, "open"), part(1, "open", lot="lot2", at_s=1.0)])
    assert folded.said == []

    folded.parts([part(4, "open"), part(2, "open", lot="lot2", at_s=1.0)])
    assert [a.finding.last.lot for a in folded.of(What.PAUSE)] == ["lot1"]


def test_a_lot_that_comes_back_is_looked_at_again():
    """A lot is finished, another runs, and the first comes back from rework: no part of it may be overlooked."""
    folded = Folded(book()).parts([*run(1, 10), *run(1, 10, lot="lot2", at_s=10.0), *run(11, 15, "open", at_s=20.0)])

    assert folded.of(What.PAUSE)


def test_a_resend_of_frames_of_lots_long_gone_changes_nothing():
    lots = [each for n in range(4) for each in run(1, 6, lot=f"lot{n}", at_s=10.0 * n)]
    folded = Folded(book()).parts([*lots, *run(1, 6, "open", lot="lot0")])

    assert folded.said == []
    assert folded.state.orders["aoi1"].ignored == {"repeated": 6}


def test_a_failed_pause_is_asked_again_with_the_next_bad_part_and_only_then():
    folded = stopped()
    episode = folded.said[0].episode
    folded.settled(episode.request_id, confirmed=False, retry=True).parts([part(7)])
    assert len(folded.of(What.PAUSE)) == 1

    folded.parts(run(8, 12, "open"))
    assert [action.id for action in folded.of(What.PAUSE)] == [f"{episode.id}-1", f"{episode.id}-2"]
    assert len(folded.of(What.MAINTENANCE)) == 1, "the incident has its order"


def test_a_refused_pause_is_asked_again_only_when_the_rule_is_true_anew():
    folded = stopped()
    folded.settled(folded.said[0].episode.request_id, confirmed=False).parts(run(7, 20, "open"))
    assert len(folded.of(What.PAUSE)) == 1

    folded.parts([part(21), *run(22, 26, "open")])
    assert len(folded.of(What.PAUSE)) == 2


def test_after_the_operators_resume_the_next_incident_has_another_id():
    folded = stopped()
    first = folded.said[0].episode
    folded.settled(first.request_id).parts(run(7, 8, "open")).resumed(first.id, 1000.85).parts(run(9, 13, "open"))

    second = folded.of(What.PAUSE)[1]
    assert second.episode.id != first.id
    assert second.finding.first.sequence == 9


def test_frames_that_were_kept_while_we_were_away_belong_before_the_resume():
    folded = stopped()
    first = folded.said[0].episode
    folded.settled(first.request_id).resumed(first.id, at_s=1001.15).parts(run(7, 10, "open", late=True))
    folded.parts(run(11, 14, "open"))
    assert len(folded.of(What.PAUSE)) == 1

    folded.parts(run(15, 16, "open"))
    assert folded.of(What.PAUSE)[1].finding.first.sequence == 11


def test_the_suspect_range_is_told_at_the_stop_and_grows_with_every_part_from_before_the_resume():
    folded = stopped()
    first = folded.said[0].episode
    folded.settled(first.request_id, at_s=1000.75)
    assert _ranges(folded) == [(1, 2, 6)]

    folded.parts(run(7, 8, "open")).resumed(first.id, at_s=1001.0)
    assert _ranges(folded)[1:] == [(2, 2, 8)]

    folded.parts([part(9, "open", late=True), *run(10, 11)])  # 9 was photographed before the resume, 10 with it
    assert _ranges(folded)[2:] == [(3, 2, 9)]


def _ranges(folded: Folded) -> list[tuple[int, int, int]]:
    told = folded.of(What.CONTAIN)
    return [(a.number, a.finding.first.sequence, a.finding.last.sequence) for a in told]


def test_a_completed_order_ends_its_incident_and_the_warm_up_begins():
    folded = Folded(book({**CONSECUTIVE, "actions": ["maintenance_request"], "warm_up_parts": 3}))
    folded.parts([*run(1, 3), *run(4, 10, "open")])
    order = folded.of(What.MAINTENANCE)[0]
    folded.completed(order.id).parts(run(11, 13, "open"))
    assert folded.episodes == []
    assert len(folded.of(What.MAINTENANCE)) == 1, "three parts warm up"

    folded.parts(run(14, 16, "open"))
    assert len(folded.of(What.MAINTENANCE)) == 2
    assert folded.of(What.MAINTENANCE)[1].id != order.id


CALLS = {**CONSECUTIVE, "actions": ["maintenance_request", "supplier_notice"]}


def test_a_suppliers_answer_mends_nothing_at_the_line_and_ends_only_an_incident_that_nobody_else_was_asked_about():
    both = Folded(book(CALLS)).parts(run(1, 5, "open"))
    (line,), (supplier,) = both.of(What.MAINTENANCE), both.of(What.SUPPLIER)
    before = both.state
    assert both.completed(line.episode.id, supplier.id).state is before
    assert both.completed(line.episode.id, line.id).episodes == []

    alone = Folded(book({**CALLS, "actions": ["supplier_notice"]})).parts(run(1, 5, "open"))
    (notice,) = alone.of(What.SUPPLIER)
    assert alone.completed(notice.episode.id, notice.id).episodes == []


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_suppliers_answer_ends_nothing_either_when_the_lines_order_was_done_before_the_machine_answered(confirmed):
    folded = Folded(book({**CALLS, "actions": [*CALLS["actions"], "pause_line"]})).parts(run(1, 5, "open"))
    (order,), (notice,) = folded.of(What.MAINTENANCE), folded.of(What.SUPPLIER)
    folded.completed(order.id, order.id).settled(folded.episodes[0].request_id, confirmed=confirmed)
    before = folded.state

    assert folded.completed(order.id, notice.id).state == before


@given(st.permutations(["line", "quality", "supplier", "line", "nobody's"]), st.integers(0, 4))
def test_an_incident_ends_with_the_last_of_the_orders_that_it_awaits_whatever_order_they_end_in(ends, again_at):
    folded = Folded(book(CALLS)).parts(run(1, 5, "open"))
    key, episode = next(iter(folded.state.episodes.items()))
    folded.state = replace(folded.state, episodes={key: replace(episode, awaits=("line", "quality"))})
    ends.insert(again_at, ends[again_at])

    left = {"line", "quality"}
    for each in ends:
        left.discard(each)
        folded.state = line_from_data(json.loads(json.dumps(line_to_data(folded.state))))  # a crash in between
        assert bool(folded.completed(episode.id, each).episodes) == bool(left)


def test_a_persons_word_ends_an_incident_whatever_orders_are_open():
    folded = Folded(book(CALLS)).parts(run(1, 5, "open"))

    assert folded.closed(folded.episodes[0].id).episodes == []


def test_an_order_completed_while_the_line_is_held_leaves_the_resume_to_the_operator():
    folded = stopped()
    episode = folded.said[0].episode
    folded.settled(episode.request_id).completed(episode.id).parts(run(7, 12, "open"))
    assert [e.phase for e in folded.episodes] == [Phase.HELD]
    assert len(folded.of(What.PAUSE)) == 1

    assert folded.resumed(episode.id, 1002.0).episodes == []


def test_signals_of_an_open_incident_are_counted_and_told_ever_more_rarely():
    folded = Folded(book({**CONSECUTIVE, "actions": ["maintenance_request"]})).parts(run(1, 40, "open"))

    assert [note.number for note in folded.of(What.NOTE)] == [2, 4, 8, 16, 32]
    assert folded.episodes[0].fires == 36
    assert len(folded.of(What.MAINTENANCE)) == 1


def test_a_warning_ends_by_itself_after_quiet_parts():
    folded = Folded(book(WARN_RUN)).parts([*run(1, 3, "open"), *run(4, 6)])
    assert len(folded.episodes) == 1

    assert folded.parts([part(7)]).episodes == []
    assert len(folded.parts(run(8, 10, "open")).of(What.WARN)) == 2


def test_an_incident_that_nobody_ever_closes_does_not_mute_its_rule_for_ever():
    week_s = 7 * 86_400.0
    folded = Folded(book({**CONSECUTIVE, "actions": ["maintenance_request"]})).parts(run(1, 5, "open"))
    folded.parts(run(1, 12, "open", lot="lot2", at_s=week_s + 10))

    assert len({order.id for order in folded.of(What.MAINTENANCE)}) == 2


def test_a_line_that_stops_too_often_is_escalated_instead_of_stopped():
    folded = Folded(book(CONSECUTIVE, stop_budget={"stops": 2, "per_s": 60}))
    for round_ in range(4):
        start, at_s = round_ * 10 + 1, 1000.0 + (round_ * 10 + 6) * 0.1
        folded.parts(run(start, start + 4, "open"))
        if len(folded.of(What.PAUSE)) == round_ + 1:
            episode = folded.of(What.PAUSE)[-1].episode
            folded.settled(episode.request_id, at_s=at_s).resumed(episode.id, at_s)
        folded.parts(run(start + 5, start + 9))

    called = [a for a in folded.said if a.episode.rule_id == "stop-budget"]
    assert len(folded.of(What.PAUSE)) == 2
    assert {action.what for action in called} == {What.WARN, What.MAINTENANCE}
    assert len(called) == 2, "escalated once"
    assert "stop budget exhausted: 2 stops" in called[0].finding.detail

    folded.parts([*run(1, 1, lot="b", at_s=100.0), *run(2, 6, "open", lot="b", at_s=100.0)])
    assert len(folded.of(What.PAUSE)) == 3, "an hour later (here a minute) the budget is there again"


def test_the_scope_decides_which_parts_make_a_run():
    by_cavity = {**CONSECUTIVE, "k": 3, "by": ["station", "cavity"], "actions": ["warn"]}
    parts = [part(n, *(["open"] if n % 4 == 3 else []), context={"cavity": str(n % 4)}) for n in range(1, 13)]
    folded = Folded(book(by_cavity)).parts(parts)

    assert [action.episode.scope for action in folded.of(What.WARN)] == [{"station": "aoi1", "cavity": "3"}]
    assert Folded(book({**by_cavity, "by": ["station"]})).parts(parts).said == []


def test_a_line_wide_rule_adds_up_the_stations():
    both = [each for n in range(1, 4) for each in (part(n, "open"), part(n, "open", station="aoi2"))]

    assert Folded(book({**CONSECUTIVE, "by": ["line", "class"]})).parts(both).of(What.PAUSE)
    assert Folded(book()).parts(both).said == []


def test_a_new_tool_or_recipe_empties_the_chart_where_the_rule_says_so():
    change = [*run(1, 3, "open", context={"tool": "a"}), *run(4, 6, "open", context={"tool": "b"})]
    on_tool = {**CONSECUTIVE, "reset_on": ["tool"]}
    recipe = [*run(1, 3, "open"), *run(4, 6, "open", recipe="pcb:2")]

    assert Folded(book(on_tool)).parts(change).said == []
    assert Folded(book()).parts(change).said
    assert Folded(book()).parts(recipe).said == []


def test_measurements_drive_their_own_rules_tool_by_tool():
    ewma = {
        "id": "wear",
        "kind": "ewma",
        "by": ["station", "tool"],
        "of": {"measurement": "rms"},
        "mean": 1.0,
        "sigma": 0.1,
    }
    rules = book({**ewma, "actions": ["maintenance_request"]})
    worn = [measured(n, 1.5, context={"tool": "t1"}) for n in range(1, 6)]
    good = [measured(n, 1.0, context={"tool": "t2"}) for n in range(1, 30)]
    folded = Folded(rules).parts([*worn, *good, *worn, *run(1, 20, "open", station="cnc1")])

    assert [a.episode.scope["tool"] for a in folded.of(What.MAINTENANCE)] == ["t1"]


def test_a_supplier_notice_names_the_lot_and_the_supplier():
    lot_rate = {"id": "lots", "kind": "lot_rate", "agreed_rate": 0.01, "actions": ["supplier_notice"]}
    bad = [part(n, *(["open"] if n % 10 == 0 else []), context={"supplier": "acme"}) for n in range(1, 80)]
    notice = Folded(book(lot_rate)).parts(bad).of(What.SUPPLIER)

    assert [a.episode.scope for a in notice] == [{"station": "aoi1", "lot": "lot1", "supplier": "acme"}]
    assert notice[0].id == f"{notice[0].episode.id}-supplier-1"


def test_a_gap_is_declared_by_the_clock_when_no_later_part_comes():
    missing = {"id": "missing", "kind": "missing_parts", "m": 3, "window": 20, "actions": ["warn"]}
    folded = Folded(book(missing)).parts([*run(1, 5), part(9)])
    assert folded.silent(1002.0).said == [], "patience lasts two seconds"

    folded.silent(1003.5)
    assert [a.finding.statistic for a in folded.of(What.WARN)] == [3.0]
    assert folded.state.orders["aoi1"].missed == 3


def test_a_station_that_says_nothing_is_an_alarm_unless_we_hold_the_line():
    silence = {"id": "blind", "kind": "missing_parts", "silence_s": 30, "actions": ["warn"]}
    folded = Folded(book(CONSECUTIVE, silence)).parts(run(1, 4))
    assert folded.silent(1020.0).said == []
    assert len(folded.silent(1031.0).silent(1050.0).of(What.WARN)) == 1
    assert folded.parts([part(5)]).episodes == []

    held = Folded(book(CONSECUTIVE, silence)).parts(run(1, 5, "open"))
    held.settled(held.episodes[0].request_id).silent(1100.0)
    assert held.of(What.WARN) == []
