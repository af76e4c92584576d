"""A band goes into a recipe and decides who looks at a part: its bounds are counted by hand here."""

import json
import re
import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pytest
import yaml
from scipy.stats import beta
from typer.testing import CliRunner

from services.contracts.recipe import Recipe
from services.postprocessing.domain.candidate import Candidate
from tools.boards.board import LABELS
from tools.calibrate.band import Wanted, choose, counted, measured
from tools.calibrate.isotonic import Fit, as_is, cross_checked
from tools.calibrate.labelled import Part, Place, labelled
from tools.cli import app

TRUTH = np.array([[10, 10, 40, 40, 0], [100, 100, 130, 130, 1]], np.float32)


def part(*right: float, wrong: float = 0.0, missed: int = 0) -> Part:
    """Defects found at these scores, a place where nothing is, defects that nobody names."""
    places = [Place("open", score, right=True) for score in right]
    places += [Place("open", wrong, right=False)] if wrong else []
    return Part(tuple(places), tuple(("open", score) for score in (*right, *[0.0] * missed)))


def test_a_place_is_right_whatever_its_class_and_a_defect_that_nobody_names_has_no_score():
    misread = Candidate("spur", (12, 12, 41, 41), 0.8)
    beside = Candidate("open", (300, 300, 330, 330), 0.7)
    found = labelled([misread, beside, Candidate("open", (12, 12, 41, 41), 0.6)], TRUTH, 0.5)

    assert [(p.label, p.right) for p in found.places] == [("spur", True), ("open", False)]
    assert found.defects == (("open", pytest.approx(0.8)), ("short", 0.0))
    assert found.false_alarm() == 0.7


def test_the_bound_is_clopper_and_pearsons():
    assert counted(3, 200, 0.95).upper == pytest.approx(beta.ppf(0.95, 4, 197))
    assert counted(0, 100, 0.95).upper == pytest.approx(1 - 0.05 ** (1 / 100))
    assert counted(0, 0, 0.95).upper == 1.0


def test_the_band_ends_where_one_mistake_more_would_break_a_limit():
    # 400 defects: two misses are 1.56 % with 95 %, three would be 1.93 %. 200 parts: one is 2.35 %, two are 3.11 %.
    parts = [part(0.9, 0.9) for _ in range(196)]
    parts += [part(0.2, 0.3, wrong=0.85), part(0.4, 0.5, wrong=0.75), part(0.9, 0.9, wrong=0.6), part(0.9, 0.9)]
    band = choose(parts, Wanted(0.016, 0.03, 0.95))

    assert (band.low, band.high) == (0.4, 0.751)
    assert (band.missed.number, band.false_alarms.number) == (2, 1)
    assert band.missed.upper <= 0.016 < counted(3, 400, 0.95).upper
    assert band.false_alarms.upper <= 0.03 < counted(2, 200, 0.95).upper
    assert (band.to_a_person.number, band.good_to_a_person.number) == (1, 2)


def test_where_scores_leave_a_gap_nobody_has_to_look():
    band = choose([part(0.9, 0.8, wrong=0.3) for _ in range(100)], Wanted(0.03, 0.05, 0.95))

    assert band.low == band.high == pytest.approx(0.55, abs=0.001)
    assert band.to_a_person.number == 0


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ([part(0.9)] * 50, "50 defects cannot show --max-miss 0.01 at 95%.*fix: 299 or more"),
        ([part(*[0.9] * 10)] * 50, "50 parts cannot show --max-false-alarm 0.05.*fix: 59 or more"),
        ([part(0.9, 0.9, 0.9, missed=1)] * 300, "300 of 1200 defects are named nowhere"),
        ([part(*[0.9] * 10, wrong=1.0)] * 100, "the score 1: no threshold helps"),
    ],
)
def test_what_the_sample_cannot_show_is_said_with_what_would_be_needed(parts, says):
    with pytest.raises(ValueError, match=says):
        choose(parts, Wanted(0.01, 0.05, 0.95))


def test_the_fit_pools_what_contradicts_the_ranking():
    fit = Fit.of([Place("open", s, right=r) for s, r in ((0.1, False), (0.3, True), (0.5, False), (0.7, True))])

    assert fit([0.1, 0.3, 0.5, 0.7]).tolist() == [0, 0.5, 0.5, 1]
    assert fit([0.0, 1.0]).tolist() == [0, 1]


def test_a_score_that_is_no_probability_becomes_one_on_parts_that_the_fit_has_not_seen():
    rng = np.random.default_rng(0)
    parts = []
    for score in rng.random(3000):  # a place is a defect with the square of its score
        right = bool(rng.random() < score**2)
        parts.append(Part((Place("open", float(score), right),), (("open", float(score)),) if right else ()))

    assert as_is(parts).error > 0.1
    assert cross_checked(parts).error < 0.03
    assert cross_checked(parts).brier < as_is(parts).brier


def test_measured_counts_both_ends_as_the_judge_does():
    band = measured([part(0.5), part(0.4), part(wrong=0.5)], 0.4, 0.5, 0.95)

    assert (band.missed.number, band.false_alarms.number, band.to_a_person.number) == (0, 1, 1)


@pytest.fixture
def evaluated(tmp_path):
    """Sixty boards with two defects each, and what an evaluation said about them."""
    (tmp_path / "PCBData/group1/1").mkdir(parents=True)
    (tmp_path / "PCBData/group1/1_not").mkdir()
    lines = []
    for number in range(60):
        for kind in ("test", "temp"):
            cv2.imwrite(str(tmp_path / f"PCBData/group1/1/{number}_{kind}.jpg"), np.full((640, 640), 255, np.uint8))
        (tmp_path / f"PCBData/group1/1_not/{number}.txt").write_text("10 10 40 40 1\n100 100 130 130 2\n")
        boxes = [[10, 10, 40, 40], [100, 100, 130, 130], [300, 300, 330, 330]]
        said = {"boxes": boxes, "scores": [0.9, 0.8, 0.2], "labels": ["open", "short", "spur"]}
        lines.append({"image": f"group1/1/{number}.jpg"} | said)
    (tmp_path / "PCBData/split.txt").write_text("".join(f"{line['image']}\n" for line in lines))
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def run(folder, *options: str):
    files = ("--predictions", str(folder / "p.jsonl"), "--data", str(folder), "--split", "PCBData/split.txt")
    return CliRunner().invoke(app, ["calibrate", *files, *options])


def test_the_printed_lines_are_a_recipe_and_the_diagram_is_a_drawing(evaluated):
    result = run(evaluated, "--max-miss", "0.03", "--diagram", str(evaluated / "d.svg"))

    assert result.exit_code == 0, result.output
    assert "60 parts, 120 defects, 180 places named" in result.output
    lines = yaml.safe_load(result.output.split("\n\n")[1])
    recipe = Recipe.model_validate({"name": "pcb", "version": 1, "model": "m", **lines})
    assert set(recipe.tolerances()) == set(LABELS)
    assert recipe.thresholds["open"] == pytest.approx(0.5, abs=0.001)
    assert ET.fromstring((evaluated / "d.svg").read_text()).tag.endswith("svg")


def test_a_class_without_defects_has_no_band_of_its_own(evaluated):
    result = run(evaluated, "--max-miss", "0.05", "--by-class")

    assert result.exit_code == 1
    assert "class mousebite: 0 defects cannot show" in result.output


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "p.jsonl:61: no prediction"),
        (
            '{"image": "group1/1/0.jpg", "boxes": [[1, 2, 3, 4]], "scores": [], "labels": []}',
            "p.jsonl:61: .*do not fit",
        ),
        (
            '{"image": "group1/1/0.jpg", "boxes": [[1, 2]], "scores": [1], "labels": ["open"]}',
            "p.jsonl:61: .*no number",
        ),
        ('{"image": "group9/9/9.jpg", "boxes": [], "scores": [], "labels": []}', "group9/9/9.jpg is not in"),
    ],
)
def test_a_bad_line_is_named(evaluated, line, says):
    with (evaluated / "p.jsonl").open("a") as file:
        file.write(line + "\n")
    result = run(evaluated)

    assert result.exit_code == 1
    assert re.search(says, result.output), result.output
