"""The demo must not flatter: what it measures, and when it says that it failed."""

import itertools

import pytest
from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2
from jidoka.workrequest.v1 import workrequest_pb2

from services.chassis.errors import Unavailable
from tools.boards.board import Defect
from tools.demo import script
from tools.demo.boards import Board, Generated
from tools.demo.play import Record
from tools.demo.score import compare, percentiles
from tools.demo.summary import render, summarize
from tools.demo.witness import Heard
from tools.simulators.camera import Answer


def verdict(number: int, outcome=verdict_pb2.OUTCOME_PASS, *boxes) -> verdict_pb2.Verdict:
    made = verdict_pb2.Verdict(inspection_id=f"i{number}", outcome=outcome)
    for label, x1, y1, x2, y2 in boxes:
        made.defects.add(label=label, x1_px=x1, y1_px=y1, x2_px=x2, y2_px=y2, score=0.9)
    return made


def good_run() -> tuple[Record, Heard, list[dict]]:
    board, bad = Board("b", b"", ()), Board("b", b"", (Defect("open", (0, 0, 10, 10)),))
    passed, failed = verdict(1), verdict(2, verdict_pb2.OUTCOME_FAIL, ("open", 0, 0, 10, 10))
    record = Record([(board, Answer(passed, 10.0, 1)), (bad, Answer(failed, 20.0, 1))], stops=1)
    request = line_pb2.PauseRequested(request_id="e-1", episode_id="e")
    request.requested_at.FromMilliseconds(1_000)
    settled = line_pb2.PauseSettled(request_id="e-1", episode_id="e", outcome=line_pb2.PAUSE_OUTCOME_CONFIRMED)
    settled.acknowledged_at.FromMilliseconds(1_040)
    settled.held_at.FromMilliseconds(1_440)
    order = workrequest_pb2.WorkRequested(key="e", trace_id="t")
    heard = Heard([passed, failed], [request], [settled], [order], [1.0, 2.0])
    return record, heard, [{"id": "WO-1", "external_reference": "e"}]


def test_a_good_run_has_the_published_keys_and_no_failures():
    result = summarize(*good_run())
    figures = result.figures

    assert result.failures == []
    assert figures["verdicts"] == {"pass": 1, "fail": 1, "inconclusive": 0}
    assert (figures["boards"], figures["defect_recall"], figures["false_alarm_boards"]) == (2, 1.0, 0)
    assert figures["pause"] == {
        "requested": 1,
        "confirmed": 1,
        "fifth_verdict_to_ack_ms": 40.0,
        "fifth_verdict_to_held_ms": 440.0,
    }
    assert figures["work_orders"] == {"opened": 1, "duplicates": 0}
    assert (figures["lost_acknowledged_verdicts"], figures["trace_id"]) == (0, "t")
    assert figures["latency_ms"]["publish"] == {"p50": 2.0, "p95": 2.0, "p99": 2.0}
    assert figures["latency_ms"]["total"] == {"p50": 20.0, "p95": 20.0, "p99": 20.0}
    assert render(figures).renderables


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda r, h, o: h.requested.clear(), "did not ask for a pause"),
        (lambda r, h, o: h.settled.clear(), "no pause was confirmed"),
        (lambda r, h, o: setattr(r, "stops", 2), "stood 2 times"),
        (lambda r, h, o: o.clear(), "missing in the MES"),
        (lambda r, h, o: o.append({"id": "WO-2", "external_reference": "e"}), "doubled"),
        (lambda r, h, o: h.verdicts.pop(), "not in the stream"),
        (lambda r, h, o: h.verdicts.append(verdict(2)), "other verdicts than the stream holds"),
        (lambda r, h, o: r.refused.append((None, Unavailable("away"))), "got no verdict: away"),
    ],
)
def test_each_broken_promise_is_a_failure_by_itself(spoil, says):
    run = good_run()
    spoil(*run)

    assert any(says in failure for failure in summarize(*run).failures)


def test_a_defect_is_found_by_overlap_each_box_counts_once_and_the_name_is_another_question():
    truth = [Defect("open", (0, 0, 30, 30)), Defect("short", (5, 5, 35, 35))]
    one_box = verdict(1, verdict_pb2.OUTCOME_FAIL, ("spur", 0, 0, 30, 30))
    beside = verdict(1, verdict_pb2.OUTCOME_FAIL, ("open", 25, 25, 60, 60))

    assert (compare(truth, one_box).found, compare(truth, one_box).named) == (1, 0)
    assert compare(truth, beside).found == 0


def test_percentiles_are_of_the_nearest_rank():
    assert percentiles(list(range(1, 101))) == {"p50": 51, "p95": 96, "p99": 100}
    assert percentiles([]) == {"p50": 0.0, "p95": 0.0, "p99": 0.0}


def test_only_the_scripted_stretch_can_make_a_run():
    play = script.write(Generated(3), 40, 3)
    bad = [bool(board.defects) for board in (*play.before, *play.after)]

    assert not any(a and b for a, b in itertools.pairwise(bad))
    assert not play.before[-1].defects
    assert len({defect.label for board in play.wrong for defect in board.defects}) == 1
    assert all(board.defects for board in play.wrong)
