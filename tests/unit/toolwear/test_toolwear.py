"""`jidoka toolwear` on made-up tools whose wear is known: in time, late, false alarms; what is left out stays out."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from services.postprocessing.domain.charts import Trend
from tools.cli import app
from tools.toolwear import rules
from tools.toolwear.data import DataError, Life, load
from tools.toolwear.left_out import Terms, by_cusum, by_trend, judged, summary
from tools.toolwear.report import Study, Trial, as_html, as_json
from tools.toolwear.rules import Tried, chart_of, first_fire, trends

TERMS = Terms()


def life(tool: str, seconds: int = 100, last_um: float = 360.0, fresh: float = 300.0, seed: int = 0) -> Life:
    """Force rises to twice the fresh one at 300 µm; wear rises evenly."""
    wear = np.linspace(0, last_um, seconds)
    noise = np.random.default_rng(seed).normal(0, 2, seconds)
    return Life(tool, tuple((fresh * (1 + wear / 300) + noise).tolist()), tuple(wear.tolist()))


LIVES = [life(str(n), 90 + 10 * n, fresh=280 + 10 * n, seed=n) for n in range(4)] + [life("short", 60, 120.0)]


@pytest.fixture(autouse=True)
def _small_grid(monkeypatch):
    monkeypatch.setattr(rules, "_EVERY", (1,))
    monkeypatch.setattr(rules, "_MAX_POINTS", (20,))
    monkeypatch.setattr(rules, "_R20", (1.4, 1.6, 1.8, 5.0))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with (tmp_path / "wear.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["F_f_RMS", "AE_MAX", "tool", "Vb"])
        for each in LIVES:
            table.writerows([v, 1, each.tool, w] for v, w in zip(each.values, each.wear_um, strict=True))
    return tmp_path


def test_a_table_is_read_as_it_was_written(folder: Path):
    assert load(folder, "F_f_RMS") == tuple(LIVES)


@pytest.mark.parametrize(
    ("spoil", "feature", "says"),
    [
        (lambda t: t, "force", r"wear\.csv:1: no column 'force'; there are: F_f_RMS, AE_MAX, tool, Vb"),
        (lambda t: t.replace(t.splitlines()[3], "nan,1,0,3"), "F_f_RMS", r"wear\.csv:4: F_f_RMS is 'nan'; fix"),
        (lambda t: t.replace(t.splitlines()[3], "-3,1,0,3"), "F_f_RMS", r"wear\.csv:4: F_f_RMS is -3; fix"),
        (lambda t: "\n".join(t.splitlines()[:50]), "F_f_RMS", "has 1 tools; fix: 3 or more"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_its_line(folder: Path, spoil, feature, says):
    file = folder / "wear.csv"
    file.write_text(spoil(file.read_text()))
    with pytest.raises(DataError, match=says):
        load(folder, feature)


def test_orders_come_in_time_and_a_tool_that_is_never_worn_out_gets_none():
    outcomes = by_trend(LIVES, TERMS, 10, map)
    total = summary(outcomes)

    assert (total.worn_out, total.in_time, total.false_alarms) == (4, 4, 0)
    assert total.lower_95 == pytest.approx(0.05 ** (1 / 4))
    assert [o.fires_s for o in outcomes if o.tool == "short"] == [None]
    assert all(abs(o.fires_um - TERMS.aim_um) < 40 for o in outcomes if o.fires_um is not None)


def test_the_left_out_tool_has_no_say_in_its_own_settings():
    """Its record may be any: what is chosen for it stays the same."""
    strange = life("0", 90, last_um=900.0, fresh=290.0)
    chosen = by_trend(LIVES, TERMS, 10, map)[0].chosen.settings
    chosen_anew = by_trend([strange, *LIVES[1:]], TERMS, 10, map)[0].chosen.settings

    assert chosen == chosen_anew
    assert by_cusum(LIVES, TERMS)[0].chosen.settings == by_cusum([strange, *LIVES[1:]], TERMS)[0].chosen.settings


def test_what_is_read_off_one_run_is_what_the_plants_chart_does():
    tried = list(trends(LIVES[:2], 10, map))

    for each in tried[::5]:
        assert each.fires == {one.tool: first_fire(chart_of(each), one.values) for one in LIVES[:2]}


@pytest.mark.parametrize(
    ("limit", "fires_late", "false_alarm"), [(320.0, False, True), (2_000.0, True, False), (480.0, False, False)]
)
def test_too_early_is_a_false_alarm_and_never_is_late(limit, fires_late, false_alarm):
    settings = {"limit": limit, "horizon": 1.0, "autocorrelated": False, "max_points": 20, "fresh": 0}
    outcome = judged(LIVES[0], Tried("trend", settings, {}), TERMS)

    assert outcome.in_time is not fires_late
    assert outcome.false_alarm is false_alarm


def test_the_chart_is_the_one_that_the_plant_runs():
    settings = {"limit": 1.4, "horizon": 5.0, "fresh": 10}

    assert chart_of(Tried("trend", settings, {})).chart == Trend(limit=1.4, horizon=5.0)


def test_the_report_names_every_tool_and_what_the_count_proves():
    outcomes = by_cusum(LIVES, TERMS)
    study = Study("F_f_RMS", LIVES, TERMS, [Trial("CUSUM", outcomes, summary(outcomes))])
    figures, page = json.loads(as_json(study)), as_html(study)

    assert figures["rules"]["CUSUM"]["tools"].keys() == {one.tool for one in LIVES}
    assert {"fires_s", "fires_um", "left_s", "in_time", "settings"} <= figures["rules"]["CUSUM"]["tools"]["0"].keys()
    assert page.count("<svg") == len(LIVES)
    assert "proves no more than" in page


def test_the_command_writes_what_it_found(folder: Path, tmp_path: Path):
    out, page = tmp_path / "out.json", tmp_path / "out.html"
    done = CliRunner().invoke(app, ["toolwear", "--data", str(folder), "--json", str(out), "--html", str(page)])

    assert done.exit_code == 0, done.output
    assert json.loads(out.read_text())["rules"]["trend against the first 10 s"]["in_time"] == 4
    assert "in time on 4 of 4 tools" in done.output.replace("\n", " ")
    assert page.read_text().startswith("<!doctype html>")
    refused = CliRunner().invoke(app, ["toolwear", "--data", str(tmp_path / "none")])
    assert refused.exit_code == 1
    assert "has 0 CSV files" in refused.output
