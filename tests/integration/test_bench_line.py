"""`jidoka bench line`, one round: real bus, bridge and PLCs, and figures for both ways."""

import json

from typer.testing import CliRunner

from tools.bench import line
from tools.cli import app


def test_both_ways_hold_the_line_and_are_told_side_by_side(tmp_path, monkeypatch):
    monkeypatch.setattr(line, "POLICIES", ("Aes256Sha256RsaPss",))
    file = tmp_path / "line.json"
    options = ["--rounds", "2", "--nodesets", str(tmp_path / "none"), "--json", str(file)]
    result = CliRunner().invoke(app, ["bench", "line", *options])
    assert result.exit_code == 0, result.output
    rows = json.loads(file.read_text())["rows"]
    assert [(row["policy"], row["way"], row["rounds"]) for row in rows] == [
        ("Aes256Sha256RsaPss", "bridge", 2),
        ("Aes256Sha256RsaPss", "naive", 2),
    ]
    for row in rows:
        assert 0 < row["acknowledged_p50_ms"] <= row["held_p50_ms"] <= row["held_p99_ms"]
        assert row["held_p50_ms"] > line.HOLDING_MS
