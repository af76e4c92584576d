"""The average run lengths of the plant's own charts are the published ones."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools.cli import app
from tools.rules import exact, patterns
from tools.rules.arl import as_markdown, simulate
from tools.rules.cases import every

CASES = list(every())
SHORT = [case for case in CASES if case.computed < 600 and not case.per_thousand]
DOCS = Path(__file__).resolve().parents[3] / "services" / "postprocessing" / "ARL.md"


def test_what_is_computed_is_what_is_published():
    printed = [case for case in CASES if case.published]

    assert len(printed) >= 15
    for case in printed:
        figure = case.published.split()[0]
        decimals = len(figure.partition(".")[2])
        assert round(case.computed, decimals) == pytest.approx(float(figure)), f"{case.rule} {case.parameters}"


@pytest.mark.parametrize(("k", "p", "parts"), [(3, 0.05, 8420), (3, 0.01, 1_010_100), (5, 0.1, 111_110)])
def test_a_run_is_a_window_without_slack_and_both_are_the_closed_form(k, p, parts):
    assert exact.consecutive(k, p) == pytest.approx(parts)
    assert exact.k_of_n(k, k, p) == pytest.approx(parts)


def test_nelsons_rates_by_formula_and_by_chain_agree():
    for test in (1, 2, 5, 6):
        assert patterns.joint_rate(frozenset({test})) == pytest.approx(patterns.rate(test))


def test_the_simulated_charts_agree_with_what_is_computed():
    """Of the short rows 19 of 20 intervals may be expected to hold; far off ones mean that a chart is wrong."""
    rows = list(simulate(400, 11, SHORT))

    assert sum(row.inside for row in rows) >= 0.85 * len(rows)
    for row in rows:
        half = (row.found.high - row.found.low) / 2
        assert abs(row.found.mean - row.case.computed) < 2 * half, f"{row.case.rule} {row.case.parameters}"


def test_the_same_seed_gives_the_same_table():
    assert list(simulate(20, 5, SHORT[:6])) == list(simulate(20, 5, SHORT[:6]))
    assert list(simulate(20, 5, SHORT[:6])) != list(simulate(20, 6, SHORT[:6]))


def test_the_table_in_the_docs_has_every_case_and_its_summary_is_true():
    text = DOCS.read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if re.match(r"\| [a-z_]+ \| .*(yes|no) \|$", line)]

    assert len(rows) == len(CASES)
    inside = sum(row[-1].startswith("yes") for row in rows)
    assert f": {inside} of {len(rows)} computed figures inside" in text
    assert inside >= 0.9 * len(rows)


def test_markdown_names_the_command_that_makes_it_again():
    assert "`jidoka rules arl --runs 20 --seed 5`: " in as_markdown(list(simulate(20, 5, SHORT[:3])), 20, 5)


def test_the_command_is_there():
    result = CliRunner().invoke(app, ["rules", "arl", "--help"])

    assert result.exit_code == 0
    assert "average run lengths" in result.output
