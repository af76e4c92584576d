"""A report is read by a person who was not there, and by a program that must find its keys."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from typer.testing import CliRunner

from services.postprocessing.domain.candidate import Candidate
from services.preprocessing.domain.frame import ServedModel
from tools.cli import app
from tools.evaluate import report
from tools.evaluate.cases import case
from tools.evaluate.curves import path, svg
from tools.evaluate.figures import figures
from tools.evaluate.good_boards import good_boards
from tools.evaluate.served import Sight
from tools.evaluate.survey import frozen_threshold

SECTIONS = (
    "In short",
    "By class",
    "Precision and recall",
    "False alarms on good boards",
    "Time",
    "Worst cases",
)
HOSTILE = "g/</script><b>/1.jpg"


@pytest.fixture
def found() -> report.Figures:
    times = dict.fromkeys(("decode", "register", "infer", "total"), 1.0)
    sight = Sight([Candidate("open", (10, 10, 40, 40), 0.9)], [], ServedModel("m", "1", "d" * 64, ()), times)
    truth = np.array([[10, 10, 40, 40, 0], [99, 99, 120, 120, 3]], np.float32)
    seen = case("g/a/1.jpg", sight, truth, 0.5, 0.5)
    good = {kind: [seen] for kind in ("same", "shifted", "recompressed", "retaken")}
    return figures([seen], good, 0.5) | {
        "model": {"name": "m", "version": "1", "digest": "d" * 64},
        "split": "s.txt",
        "suppression": "how",
        "worst": [{"image": HOSTILE, "missed": ["spur"], "wrong": []}],
    }


class Tags(HTMLParser):
    """Opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.open += [] if tag in {"meta", "img", "br"} else [tag]

    def handle_startendtag(self, tag, attrs): ...

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_json_has_the_frozen_threshold_and_all_figures(found):
    read = json.loads(report.as_json(found))

    assert read["threshold"] == 0.5
    assert {"map33", "pooled_ap33", "map50", "map50_95", "at_threshold", "classes", "false_alarms"} <= set(read)
    assert {"curves", "latency_ms", "worst", "model"} <= set(read)
    assert set(read["false_alarms"]) == {"same", "shifted", "recompressed", "retaken", "all"}


def test_html_is_whole_has_every_section_and_needs_no_other_file(found):
    page = report.as_html(found, [b"\x89PNG"])
    tags = Tags()
    tags.feed(page)

    assert tags.open == []
    assert re.findall("<h2>(.*?)</h2>", page) == list(SECTIONS)
    assert "data:image/png;base64,iVBORw==" in page
    assert page.count("<svg") == 4
    assert not re.search(r"(src|href)=\"(?!data:)", page)


def test_html_carries_the_figures_and_a_file_name_cannot_break_out(found):
    page = report.as_html(found, [b""])
    carried = re.search(r'<script type="application/json" id="figures">(.*?)</script>', page)

    assert carried
    assert json.loads(carried[1])["worst"][0]["image"] == HOSTILE
    assert "<b>" not in page


def test_a_flawless_run_says_so(found):
    assert "No mistake was made." in report.as_html(found | {"worst": []}, [])


def test_a_curve_is_drawn_as_falling_steps_ending_on_the_floor():
    drawn = [tuple(map(float, point.split(","))) for point in path([(0.5, 1.0), (1.0, 0.5)])[1:].split(" L")]

    assert drawn == [(0, 0), (160, 0), (160, 160), (320, 160), (320, 320)]
    assert "<title>all</title>" in svg({"all": [(1.0, 1.0)]}, 0.9)


def test_good_boards_are_the_golden_moved_and_recompressed_and_the_same_each_time():
    golden = np.random.default_rng(0).integers(0, 2, (640, 640), np.uint8) * 255
    made = good_boards(golden, b"file", 7)

    assert made == good_boards(golden, b"file", 7)
    assert made["same"] == b"file"
    assert made["shifted"].startswith(b"\x89PNG")
    assert made["retaken"] != made["recompressed"]
    assert all(made[kind].startswith(b"\xff\xd8") for kind in ("recompressed", "retaken"))


def test_a_threshold_counts_for_the_file_that_it_was_frozen_for(tmp_path):
    (tmp_path / "manifest.json").write_text('{"files": {"1/model.onnx": "abc"}, "threshold": 0.4}')

    assert frozen_threshold(tmp_path, "abc") == 0.4
    with pytest.raises(ValueError, match="about abc, but def is served"):
        frozen_threshold(tmp_path, "def")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "there is no PCBData/ in it"),
        (["--report", "out.pdf"], "must end in .json or .html"),
        (["--state", "nowhere"], "there is no PCBData/ in it"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_started(tmp_path, options, says):
    result = CliRunner().invoke(app, ["evaluate", "--data", str(tmp_path), "--split", "s.txt", *options])

    assert result.exit_code == 1
    assert says in result.output


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, r"s\.txt:0: no such split file"),
        ("", r"s\.txt:1: names no image"),
        ("just-a-word", r"s\.txt:1: expected"),
        ("\ngroup1/1/nope.jpg", r"s\.txt:2: no such image .*nope_test\.jpg"),
    ],
)
def test_a_bad_split_file_is_named_with_its_line(tmp_path, content, says):
    (tmp_path / "PCBData").mkdir()
    if content is not None:
        (tmp_path / "s.txt").write_text(content)
    result = CliRunner().invoke(app, ["evaluate", "--data", str(tmp_path), "--split", "s.txt"])

    assert result.exit_code == 1
    assert re.search(says, result.output)
