"""`jidoka evaluate` on the real tritonserver with the real model: what a stranger would run on his own boards."""

import json
import re
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from tools.boards.board import LABELS
from tools.boards.generator import pair
from tools.cli import app
from tools.plant.state import REPOSITORY

MANIFEST = json.loads((REPOSITORY / "model_repository/pcb_detector/manifest.json").read_text())
BOARDS = 6


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated pairs in DeepPCB's folders, each with one defect of every class; the split file stands elsewhere."""
    root = tmp_path_factory.mktemp("data")
    images, labels = root / "PCBData/group00001/00001", root / "PCBData/group00001/00001_not"
    images.mkdir(parents=True)
    labels.mkdir()
    lines = []
    for number in range(BOARDS):
        made, stem = pair(number, LABELS), f"00001{number:03d}"
        for kind, image in (("test", made.part), ("temp", made.golden)):
            cv2.imwrite(str(images / f"{stem}_{kind}.jpg"), image)
        rows = (" ".join(map(str, (*d.box, LABELS.index(d.label) + 1))) for d in made.defects)
        (labels / f"{stem}.txt").write_text("\n".join(rows) + "\n")
        lines.append(f"group00001/00001/{stem}.jpg group00001/00001_not/{stem}.txt")
    (root / "split.txt").write_text("\n".join(reversed(lines)) + "\n")
    return root


@pytest.fixture(scope="module")
def out(data: Path) -> Path:
    """One run for all tests."""
    out = data / "out"
    files = ["--predictions", out / "p.jsonl", "--report", out / "r.json", "--report", out / "r.html"]
    options = ["--data", data, "--split", data / "split.txt", *files]
    result = CliRunner().invoke(app, ["evaluate", *map(str, options)])
    assert result.exit_code == 0, result.output
    return out


def test_every_picture_has_its_line_in_the_order_and_under_the_name_of_the_split(data: Path, out: Path):
    lines = [json.loads(line) for line in (out / "p.jsonl").read_text().splitlines()]

    assert [line["image"] for line in lines] == [f"group00001/00001/00001{n:03d}.jpg" for n in reversed(range(BOARDS))]
    for line in lines:
        assert len(line["boxes"]) == len(line["scores"]) == len(line["labels"]) >= len(LABELS)
        assert all(0 <= x1 < x2 <= 640 and 0 <= y1 < y2 <= 640 for x1, y1, x2, y2 in line["boxes"])
        assert line["scores"] == sorted(line["scores"], reverse=True)
        assert min(line["scores"]) > 0.01
        assert set(line["labels"]) <= set(LABELS)


def test_the_report_judges_at_the_frozen_threshold_and_finds_what_was_drawn(out: Path):
    report = json.loads((out / "r.json").read_text())

    assert report["threshold"] == MANIFEST["threshold"]
    assert report["model"]["digest"] == MANIFEST["files"]["1/model.onnx"]
    assert (report["images"], report["defects"]) == (BOARDS, BOARDS * len(LABELS))
    assert report["at_threshold"]["iou33"]["recall"] > 0.9
    assert report["map33"] > 0.9
    assert report["false_alarms"]["all"]["boards"] == 4 * BOARDS
    assert report["false_alarms"]["all"]["alarmed"] <= 1
    assert report["refused_pictures"] == 0
    assert 0 < report["latency_ms"]["infer"]["p50"] < report["latency_ms"]["total"]["p95"]


def test_the_html_report_carries_the_same_figures(out: Path):
    page = (out / "r.html").read_text()
    carried = re.search(r'id="figures">(.*?)</script>', page)

    assert carried
    assert json.loads(carried[1]) == json.loads((out / "r.json").read_text())


def test_a_broken_picture_is_named_with_the_line_of_the_split(data: Path, out: Path, tmp_path: Path):
    split = tmp_path / "broken.txt"
    split.write_text((data / "split.txt").read_text().splitlines()[0] + "\n")
    picture = data / f"PCBData/group00001/00001/00001{BOARDS - 1:03d}_test.jpg"
    whole = picture.read_bytes()
    picture.write_bytes(whole[: len(whole) // 2])
    result = CliRunner().invoke(app, ["evaluate", "--data", str(data), "--split", str(split)])
    picture.write_bytes(whole)

    assert result.exit_code == 1
    assert f"{split}:1: " in result.output
    assert "broken" in result.output
