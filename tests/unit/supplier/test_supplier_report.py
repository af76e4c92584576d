"""A supplier's defect rate: parts counted once, bounds that hold, and files that are safe to send and to open."""

import csv
import json
from datetime import UTC, datetime, timedelta
from math import comb
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from google.protobuf.json_format import MessageToJson
from jidoka.frame.v1 import frame_pb2
from jidoka.verdict.v1 import verdict_pb2
from jidoka.workrequest.v1 import workrequest_pb2
from scipy.stats import binomtest
from typer.testing import CliRunner

from services.mes_connector.adapters.evidence import Gallery, links
from tools.supplier.cli import app
from tools.supplier.page import chart, page
from tools.supplier.part import parts_of
from tools.supplier.rate import Tally, exceeding, tally
from tools.supplier.report import Report, _harmless

PASS, FAIL, DOUBT = verdict_pb2.OUTCOME_PASS, verdict_pb2.OUTCOME_FAIL, verdict_pb2.OUTCOME_INCONCLUSIVE
START = datetime(2026, 11, 16, 8, tzinfo=UTC)
DEMO = Path(__file__).parents[3] / "deploy/plants/demo.yaml"


def verdict(number: int, outcome=PASS, *, station="aoi1", lot="L1", supplier="acme", later_s=0) -> verdict_pb2.Verdict:
    made = verdict_pb2.Verdict(
        inspection_id=f"{station}-{lot}-{number}-{later_s}",
        station=frame_pb2.StationPath(site="lyon", line="smt1", station=station),
        part=frame_pb2.PartRef(lot_id=lot, part_sequence=number, product_id="board"),
        outcome=outcome,
        context={"supplier": supplier, "material": "PCB-9"},
    )
    if outcome == FAIL:
        made.defects.add(label="open")
    made.judged_at.FromDatetime(START + timedelta(hours=number, seconds=later_s))
    return made


def delivery(count: int, bad: int, lot="L1") -> list[verdict_pb2.Verdict]:
    return [verdict(at, FAIL if at <= bad else PASS, lot=lot) for at in range(1, count + 1)]


def test_a_part_counts_once_however_often_it_was_looked_at():
    seen = [verdict(1), verdict(1), verdict(1, station="aoi2"), verdict(2, FAIL), verdict(2, FAIL, station="aoi2")]

    assert tally(parts_of(seen, "acme")) == Tally(inspected=2, defective=1, open=0)


def test_defective_at_any_station_is_defective_and_a_second_look_at_the_same_one_counts():
    elsewhere = [verdict(1, station="aoi1"), verdict(1, FAIL, station="aoi2")]
    cleared = [verdict(2, FAIL), verdict(2, PASS, later_s=60)]

    parts = parts_of([*reversed(cleared), *elsewhere], "acme")

    assert [part.defective for part in parts] == [True, False]


def test_a_part_that_nobody_could_judge_is_open_and_in_no_rate():
    parts = parts_of([verdict(1, DOUBT), verdict(2, verdict_pb2.OUTCOME_UNSPECIFIED), verdict(3, FAIL)], "acme")

    assert tally(parts) == Tally(inspected=1, defective=1, open=2)


def test_another_suppliers_parts_and_other_lots_stay_out():
    seen = [verdict(1), verdict(2, supplier="other"), verdict(3, lot="L2")]

    assert [part.sequence for part in parts_of(seen, "acme", lot="L1")] == [1]
    assert parts_of(seen, "acme", material="PCB-8") == []


@pytest.mark.parametrize(("inspected", "defective"), [(40, 3), (1_000, 0), (7, 7), (20_000, 311), (1, 0)])
def test_the_intervals_are_those_of_clopper_and_pearson(inspected, defective):
    ours = Tally(inspected, defective).interval()

    reference = binomtest(defective, inspected).proportion_ci(0.95, method="exact")
    assert ours == pytest.approx((reference.low, reference.high), abs=1e-12)


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.05, 0.2, 0.5])
def test_the_lower_bound_lies_above_the_true_rate_in_at_most_one_of_twenty_deliveries(rate):
    n = 60
    wrong = sum(
        comb(n, bad) * rate**bad * (1 - rate) ** (n - bad) for bad in range(n + 1) if Tally(n, bad).lower() > rate
    )

    assert wrong <= 0.05


def test_of_forty_lots_that_are_as_agreed_none_is_accused_for_being_the_unluckiest():
    lots = {f"L{at}": Tally(200, 2) for at in range(39)} | {"unlucky": Tally(200, 5), "bad": Tally(200, 14)}

    assert Tally(200, 5).lower() > 0.0099  # alone it would look guilty
    assert exceeding(lots, 0.01) == ["bad"]


def test_a_notice_needs_proof_and_not_just_a_higher_rate():
    suspicion = Report("acme", 0.01, parts_of(delivery(60, 2), "acme"))
    proof = Report("acme", 0.01, parts_of(delivery(600, 20), "acme"))

    assert (suspicion.whole.rate > 0.01, suspicion.exceeds) == (True, False)
    assert proof.exceeds
    assert "Notice" in page(proof)
    assert "Notice" not in page(suspicion)


def test_the_page_needs_nothing_from_elsewhere_and_shows_names_as_text():
    parts = parts_of([verdict(1, FAIL, lot="<script>", supplier="<b>")], "<b>")

    shown = page(Report("<b>", 0.01, parts))

    assert "<script>" not in shown
    assert "<b>:" not in shown
    assert not any(word in shown for word in ("src=", "href=", "@import", "url("))
    ET.fromstring(chart(Report("<b>", 0.01, parts)))


def history(tmp_path: Path, verdicts) -> Path:
    file = tmp_path / "history.jsonl"
    file.write_text("".join(MessageToJson(each, indent=None) + "\n" for each in verdicts))
    return file


def run(*arguments) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["report", *map(str, arguments)])
    return result.exit_code, result.output


def test_the_command_writes_all_files_and_says_by_its_exit_whether_the_parts_are_worse_than_agreed(tmp_path):
    file = history(tmp_path, [*delivery(300, 12, "=SUM(A1)"), *delivery(300, 0, "L2")])

    code, said = run("--supplier", "acme", "--verdicts", file, "--out", tmp_path / "out", "--plant", DEMO)

    assert code == 1, said
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert (summary["inspected"], summary["defective"], summary["agreed_rate"]) == (600, 12, 0.01)
    assert summary["rate_lower95"] > 0.01
    assert summary["bad_lots"] == ["=SUM(A1)"]
    lots = list(csv.DictReader((tmp_path / "out/lots.csv").read_text().splitlines()))
    assert [lot["lot"] for lot in lots] == ["'=SUM(A1)", "L2"]  # no formula in the supplier's spreadsheet
    assert len((tmp_path / "out/parts.csv").read_text().splitlines()) == 601
    assert "<svg" in (tmp_path / "out/report.html").read_text()


def test_good_parts_and_no_parts_end_differently(tmp_path):
    file = history(tmp_path, delivery(300, 1))
    common = ("--verdicts", file, "--out", tmp_path / "out", "--agreed-rate", 0.05)

    assert run("--supplier", "acme", *common)[0] == 0
    code, said = run("--supplier", "acne", *common)
    assert code == 2
    assert "mind --since" in said


def test_a_supplier_notice_names_the_command_for_its_evidence_and_no_name_becomes_a_command():
    message = workrequest_pb2.WorkRequested(
        kind=workrequest_pb2.WORK_REQUEST_KIND_SUPPLIER_QUALITY, lot_id="L 1", scope={"supplier": "acme; rm -rf ~"}
    )

    (export,) = [link for link in links(message, Gallery()) if link.what == "export"]

    assert export.url_or_command == "jidoka supplier report --supplier 'acme; rm -rf ~' --lot 'L 1' --out report"


@pytest.mark.parametrize(
    "cell", ["=1+1", " =1+1", "\n=1+1", "\uff1d1+1", "\u00a0\uff0b1", "\uff20SUM(A1)", "\t-1", "\r1"]
)
def test_no_cell_becomes_a_formula_whatever_stands_before_the_sign(cell: str):
    """CWE-1236: spreadsheets pass over blanks, and read full-width signs as their narrow ones."""
    assert _harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["lot-7", "", "L 1 = good", 7, -1.5, None])
def test_a_cell_that_is_harmless_stays(cell: object):
    assert _harmless(cell) == cell
