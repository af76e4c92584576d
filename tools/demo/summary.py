"""The demo's figures, whether they are good enough, and how they look. Nothing here is measured: all comes in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from jidoka.verdict.v1 import verdict_pb2
from rich.console import Group
from rich.table import Table

from tools.demo.boards import Board
from tools.demo.play import Record
from tools.demo.score import compare, percentiles
from tools.demo.witness import Heard
from tools.simulators.camera import Answer

_STAGES = ("decode", "register", "infer", "judge")
_OUTCOMES = {
    verdict_pb2.OUTCOME_PASS: "pass",
    verdict_pb2.OUTCOME_FAIL: "fail",
    verdict_pb2.OUTCOME_INCONCLUSIVE: "inconclusive",
}


@dataclass(frozen=True)
class Summary:
    """`figures` are the published keys; `failures` say in words why the exit code is not 0."""

    figures: dict[str, Any]
    failures: list[str]


def summarize(record: Record, heard: Heard, orders: Sequence[dict[str, Any]]) -> Summary:
    """Bring together what the camera got, what the streams keep and what stands in the MES."""
    answers = record.answers
    keys = {order.key for order in heard.orders}
    references = [order["external_reference"] for order in orders]
    stored = {verdict.inspection_id: verdict for verdict in heard.verdicts}
    lost = [a.verdict.inspection_id for _, a in answers if a.verdict.inspection_id not in stored]
    differing = [a for _, a in answers if stored.get(a.verdict.inspection_id, a.verdict) != a.verdict]
    figures = {
        "boards": len(answers),
        "verdicts": {n: sum(_OUTCOMES.get(a.verdict.outcome) == n for _, a in answers) for n in _OUTCOMES.values()},
        **_truth(answers),
        "latency_ms": _latencies(answers, heard),
        "pause": _pause(heard),
        "work_orders": {"opened": len(set(references)), "duplicates": len(references) - len(set(references))},
        "lost_acknowledged_verdicts": len(lost),
        "differing_acknowledged_verdicts": len(differing),
        "trace_id": heard.orders[0].trace_id if heard.orders else "",
        "work_order_ids": [order["id"] for order in orders],
        "resent_frames": sum(answer.attempts - 1 for _, answer in answers),
    }
    return Summary(figures, _failures(figures, record, heard, keys - set(references)))


def _truth(answers: Sequence[tuple[Board, Answer]]) -> dict[str, float | int]:
    found = [compare(board.defects, a.verdict) for board, a in answers if a.verdict.outcome != _INCONCLUSIVE]
    true = sum(f.true for f in found)
    alarms = sum(not board.defects and a.verdict.outcome == verdict_pb2.OUTCOME_FAIL for board, a in answers)
    return {
        "defect_recall": round(sum(f.found for f in found) / true, 4) if true else 1.0,
        "defect_recall_right_class": round(sum(f.named for f in found) / true, 4) if true else 1.0,
        "clean_boards": sum(not board.defects for board, _ in answers),
        "false_alarm_boards": alarms,
        "missed_boards": sum(
            bool(board.defects) and a.verdict.outcome == verdict_pb2.OUTCOME_PASS for board, a in answers
        ),
    }


_INCONCLUSIVE = verdict_pb2.OUTCOME_INCONCLUSIVE


def _latencies(answers: Sequence[tuple[Board, Answer]], heard: Heard) -> dict[str, dict[str, float]]:
    stages = {
        stage: percentiles([t.duration_ms for _, a in answers for t in a.verdict.timings if t.stage == stage])
        for stage in _STAGES
    }
    stages["publish"] = percentiles(heard.publish_ms)
    return stages | {"total": percentiles([answer.total_ms for _, answer in answers])}


def _pause(heard: Heard) -> dict[str, Any]:
    judged = {request.request_id: request.requested_at for request in heard.requested}
    first = next(iter(heard.confirmed()), None)
    since = judged.get(first.request_id) if first else None
    return {
        "requested": len(heard.episodes()),
        "confirmed": len({settled.episode_id for settled in heard.confirmed()}),
        "fifth_verdict_to_ack_ms": _gap_ms(since, first.acknowledged_at) if first and since else None,
        "fifth_verdict_to_held_ms": _gap_ms(since, first.held_at) if first and since else None,
    }


def _gap_ms(start: Timestamp, end: Timestamp) -> float:
    return round((end.ToMicroseconds() - start.ToMicroseconds()) / 1000, 1)


def _failures(figures: dict[str, Any], record: Record, heard: Heard, missing: set[str]) -> list[str]:
    pause, orders = figures["pause"], figures["work_orders"]
    checks = (
        (not heard.requested, "the run of defects did not ask for a pause"),
        # An incident may end before its request could be executed (the bridge was away, the run broke): no stop is due.
        (not pause["confirmed"], "no pause was confirmed by the PLC"),
        (record.stops != pause["confirmed"], f"the line stood {record.stops} times, not {pause['confirmed']}"),
        (not heard.orders or bool(missing), f"{len(missing) or 'all'} work orders are missing in the MES"),
        (orders["duplicates"] > 0, f"{orders['duplicates']} work orders are doubled"),
        (figures["lost_acknowledged_verdicts"] > 0, "acknowledged verdicts are not in the stream"),
        (figures["differing_acknowledged_verdicts"] > 0, "cameras were told other verdicts than the stream holds"),
        (bool(record.refused), f"{len(record.refused)} boards got no verdict: {_first_refusal(record)}"),
    )
    return [text for failed, text in checks if failed]


def _first_refusal(record: Record) -> str:
    return str(record.refused[0][1]) if record.refused else ""


def render(figures: dict[str, Any]) -> Group:
    """The table at the end of the demo."""
    result = Table("result", "", title="What happened", min_width=52, title_justify="left")
    verdicts, pause, orders = figures["verdicts"], figures["pause"], figures["work_orders"]
    rows = {
        "boards": str(figures["boards"]),
        "PASS / FAIL / INCONCLUSIVE": " / ".join(str(verdicts[k]) for k in ("pass", "fail", "inconclusive")),
        "defects found (IoU 0.33)": f"{figures['defect_recall']:.1%}",
        "… under their right name": f"{figures['defect_recall_right_class']:.1%}",
        "good boards refused": f"{figures['false_alarm_boards']} of {figures['clean_boards']}",
        "bad boards passed": str(figures["missed_boards"]),
        "pauses asked / confirmed": f"{pause['requested']} / {pause['confirmed']}",
        "fifth verdict → PLC acknowledged": f"{pause['fifth_verdict_to_ack_ms']} ms",
        "fifth verdict → Held": f"{pause['fifth_verdict_to_held_ms']} ms",
        "work orders / doubles": f"{orders['opened']} / {orders['duplicates']}",
        "work order": ", ".join(figures["work_order_ids"]) or "none",
        "acknowledged verdicts lost": str(figures["lost_acknowledged_verdicts"]),
        "told otherwise than stored": str(figures["differing_acknowledged_verdicts"]),
        "frames sent again": str(figures["resent_frames"]),
    }
    for name, value in rows.items():
        result.add_row(name, value)
    latency = Table("stage", "p50", "p95", "p99", title="Latency, ms", min_width=52, title_justify="left")
    for stage, figure in figures["latency_ms"].items():
        latency.add_row(stage, *(f"{figure[p]:.2f}" for p in ("p50", "p95", "p99")))
    return Group(result, latency)
