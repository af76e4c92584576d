"""`jidoka bench rules` measures what it says it measures: every verdict through a real broker into a real Redis."""

import json

from typer.testing import CliRunner

from tools.cli import app


def test_the_bench_folds_every_verdict_and_its_last_checkpoint_is_that_of_the_last_one(tmp_path):
    out = tmp_path / "rules.json"
    result = CliRunner().invoke(app, ["bench", "rules", "--verdicts", "1000", "--json", str(out)])
    assert result.exit_code == 0, result.output
    figures = json.loads(out.read_text())

    assert figures["checkpoint_at"] == figures["verdicts"] == 1_000
    assert figures["fold_verdicts_per_s"] > figures["stream_verdicts_per_s"] > 0
