"""The ordeal itself, small: every kind of fault once, with real processes; its figures add up and say so."""

import json

from typer.testing import CliRunner

from tools.chaos.line_faults import KINDS
from tools.cli import app


def test_after_every_kind_of_fault_each_confirmed_pause_has_held_the_line_once_and_in_time(tmp_path):
    file = tmp_path / "line.json"
    result = CliRunner().invoke(app, ["chaos", "line", "--faults", str(len(KINDS)), "--seed", "5", "--json", str(file)])
    assert result.exit_code == 0, result.output
    found = json.loads(file.read_text())
    assert {kind: row["faults"] for kind, row in found["by_fault"].items()} == dict.fromkeys(KINDS, 1)
    assert found["confirmed"] > 0
    assert found["effects"] == found["confirmed"] + sum(found["unseen"].values())
    assert (found["faults"], found["stale"], found["double"]) == (len(KINDS), 0, 0)
    assert sum(found["outcomes"].values()) == found["intents"]
