"""A dry run says what rules would have done, on the same parts, and touches nothing."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from google.protobuf.json_format import MessageToJson
from jidoka.verdict.v1 import verdict_pb2
from typer.testing import CliRunner

from services.postprocessing.adapters.rule_books import book_of
from services.postprocessing.domain.rules.action import What
from tools.cli import app
from tools.rules.dry_run import compare, from_file
from tools.rules.what_if import Wish, counts, only

DEMO = Path("deploy/plants/demo.yaml")


def verdict(number: int, *labels: str) -> verdict_pb2.Verdict:
    found = verdict_pb2.Verdict(inspection_id=f"i{number}", recipe="pcb", recipe_version=1)
    found.station.site, found.station.line, found.station.station = "lyon", "smt1", "aoi1"
    found.part.lot_id, found.part.part_sequence = "lot1", number
    found.outcome = verdict_pb2.OUTCOME_FAIL if labels else verdict_pb2.OUTCOME_PASS
    for label in labels:
        found.defects.add(label=label, score=0.9)
    for stamp in (found.captured_at, found.judged_at):
        stamp.FromSeconds(1_000_000 + number)
    return found


def book(**rule):
    given = {"id": "run", "kind": "consecutive", "k": 5, "actions": ["pause_line"], **rule}
    return book_of(json.dumps({"labels": ["open"], "rule_set": {"version": 1, "rules": [given]}}))


HISTORY = [verdict(n, *(["open"] if 10 <= n < 14 or 30 <= n < 42 else [])) for n in range(1, 61)]


def test_each_stop_is_obeyed_and_counting_starts_afresh():
    """Twelve in a row under k = 5 are two stops, because the operator resumes after the first."""
    active, new = compare(HISTORY, book(), book(k=4), order_s=0)

    assert [(wish.first, wish.last) for wish in active.wishes] == [(30, 34), (35, 39)]
    assert [(wish.first, wish.last) for wish in new.wishes] == [(10, 13), (30, 33), (34, 37), (38, 41)]
    assert active.parts == new.parts == 60
    assert counts(new.wishes) == {
        "run": {What.PAUSE: 4, What.MAINTENANCE: 0, What.SUPPLIER: 0, What.WARN: 0},
    }


def test_only_what_nothing_corresponds_to_is_a_difference():
    """The same stop one part earlier, by a rule of another name, is the same stop."""
    active, new = compare(HISTORY, book(), book(id="shorter", k=4), order_s=0)

    assert [(wish.first, wish.last) for wish in only(new.wishes, active.wishes)] == [(10, 13)]
    assert only(active.wishes, new.wishes) == []


def test_an_order_keeps_its_incident_open_until_it_is_completed():
    maintenance = book(actions=["maintenance_request"])
    for order_s, orders in ((3600.0, 1), (2.0, 2)):
        active, _ = compare(HISTORY, maintenance, maintenance, order_s)
        assert len(active.wishes) == orders, order_s


@pytest.fixture
def history(tmp_path: Path) -> Path:
    path = tmp_path / "verdicts.jsonl"
    path.write_text("".join(MessageToJson(each, indent=None) + "\n" for each in HISTORY))
    return path


def test_the_command_shows_both_side_by_side_and_writes_everything(tmp_path: Path, history: Path):
    document = yaml.safe_load(DEMO.read_text())
    document["rule_set"]["rules"][0]["k"] = 4
    (tmp_path / "new.yaml").write_text(yaml.safe_dump(document))
    files = ["--verdicts", str(history), "--json", str(tmp_path / "out.json")]
    done = CliRunner().invoke(app, ["rules", "dry-run", "--rules", str(tmp_path / "new.yaml"), *files])

    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["parts"] == 60
    stops = {name: [w["last"] for w in found[name]["wishes"] if w["what"] == "pause"] for name in ("active", "new")}
    assert stops == {"active": [34, 39], "new": [13, 33, 37, 41]}
    assert "2 → 4" in done.output
    assert "only the new rules" in done.output


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--verdicts", "{history}", "--since", "2030-01-01"], "no verdicts there"),
        (["--verdicts", "{broken}"], "broken.jsonl:2: no verdict"),
        (["--state", "{nowhere}"], "no plant runs in"),
    ],
)
def test_what_cannot_be_tried_is_said_so(tmp_path: Path, history: Path, options: list[str], says: str):
    (tmp_path / "broken.jsonl").write_text(history.read_text().splitlines()[0] + "\n{broken}\n")
    names = {"history": history, "broken": tmp_path / "broken.jsonl", "nowhere": tmp_path / "nowhere"}
    given = [option.format_map(names) if option.startswith("{") else option for option in options]
    done = CliRunner().invoke(app, ["rules", "dry-run", "--rules", str(DEMO), *given])

    assert done.exit_code == 1
    assert says in " ".join(done.output.split()).replace(" ", " ")


def test_since_counts_from_the_time_of_judging(history: Path):
    since = datetime.fromtimestamp(1_000_031, UTC)
    assert [v.part.part_sequence for v in from_file(history, since)] == list(range(31, 61))


def test_wishes_about_other_parts_or_other_things_differ():
    wish = Wish(What.PAUSE, "a", "lyon/smt1", "aoi1", "open", "lot1", 5, 9, 0.0, "")

    assert wish.about_the_same(Wish(What.PAUSE, "b", "lyon/smt1", "aoi1", "short", "lot1", 9, 12, 0.0, ""))
    assert not wish.about_the_same(Wish(What.PAUSE, "a", "lyon/smt1", "aoi1", "open", "lot1", 10, 12, 0.0, ""))
    assert not wish.about_the_same(Wish(What.WARN, "a", "lyon/smt1", "aoi1", "open", "lot1", 5, 9, 0.0, ""))
    assert not wish.about_the_same(Wish(What.PAUSE, "a", "lyon/smt1", "aoi1", "open", "lot2", 5, 9, 0.0, ""))
