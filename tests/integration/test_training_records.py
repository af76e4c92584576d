"""`jidoka train` as a user runs it: progress on disk, in TensorBoard and in MLflow, killed and resumed."""

import json
import sqlite3
from pathlib import Path

import cv2
import pytest
from click.testing import Result
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import CliRunner

from tools.boards.generator import pair
from tools.train.cli import app
from tools.train.state import averaged

CONFIG = """
steps: 4
batch: 1
loader_processes: 0
checkpoint_every: 1
validate_every: 2
validation_pairs: 1
model: {width: 0.25}
data: {crop_px: 64, generated_boards: 1}
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A pair to train on and one to hold out, in DeepPCB's folders."""
    lines = []
    for group in ("00001", "00002"):
        folder = tmp_path / f"data/PCBData/group{group}/{group}"
        labels = folder.with_name(f"{group}_not")
        folder.mkdir(parents=True)
        labels.mkdir()
        made = pair(int(group), ["open", "copper"])
        for kind, image in (("test", made.part), ("temp", made.golden)):
            cv2.imwrite(str(folder / f"{group}000_{kind}.jpg"), image)
        rows = [" ".join(map(str, (*defect.box, kind))) for kind, defect in zip((1, 5), made.defects, strict=True)]
        (labels / f"{group}000.txt").write_text("\n".join(rows))
        lines.append(f"group{group}/{group}/{group}000.jpg group{group}/{group}_not/{group}000.txt")
    (tmp_path / "data/PCBData/trainval.txt").write_text("\n".join(lines))
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path / "data"


def train(data: Path, out: Path, *more: str) -> Result:
    fixed = ["--data", str(data), "--out", str(out), "--config", str(data.parent / "config.yaml")]
    return CliRunner().invoke(
        app, ["train", *fixed, "--holdout", "00002", "--threads", "1", "--store", str(data.parent / "store"), *more]
    )


def test_a_run_is_recorded_resumed_and_searched(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"

    assert train(data, out, "--minutes", "0").exit_code == 0
    assert averaged(out / "checkpoint.pt")[1] == 1
    resumed = train(data, out, "--resume")
    assert resumed.exit_code == 0, resumed.output

    assert averaged(out / "checkpoint.pt")[1] == 4
    events = EventAccumulator(str(out / "tensorboard"), size_guidance={"images": 0})
    events.Reload()
    assert [point.step for point in events.Scalars("held_out/map50_95")] == [2, 4]
    assert len(events.Images("held_out/0")) == 2
    with sqlite3.connect(tmp_path / "store/mlflow.db") as store:
        runs = store.execute("select status from runs").fetchall()
        settings = dict(store.execute("select key, value from params").fetchall())
        tags = dict(store.execute("select key, value from tags").fetchall())
        looks = store.execute("select step from metrics where key = 'map33' order by step").fetchall()
    assert runs == [("FINISHED",)]  # one run, although two processes worked on it
    assert settings["data.crop_px"] == "64"
    assert tags["data_fingerprint"] == json.loads((out / "run.json").read_text())["data_fingerprint"]
    assert len(tags["code_commit"]) >= 7
    assert looks == [(2,), (4,)]


def test_search_tries_other_settings_and_trains_with_the_best(data: Path, tmp_path: Path) -> None:
    found = train(data, tmp_path / "search", "--search", "2", "--set", "steps=2")

    assert found.exit_code == 0, found.output
    best = json.loads((tmp_path / "search/best.json").read_text())
    assert {"optimizer.learning_rate", "loss.box"} <= set(best)
    assert all((tmp_path / f"search/trial-{number}/checkpoint.pt").is_file() for number in (0, 1))
    assert averaged(tmp_path / "search/checkpoint.pt")[1] == 2


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (["--set", "optimizer.learning_rat=1"], "optimizer.learning_rat: Extra inputs"),
        (["--set", "steps=-3"], "steps: Input should be greater than or equal to 1"),
        (["--set", "steps"], "write it as name=value"),
        (["--holdout", "77"], "no group 77"),
    ],
)
def test_a_mistake_is_named_before_the_first_step(data: Path, tmp_path: Path, mistake: list[str], words: str) -> None:
    result = train(data, tmp_path / "run", *mistake)

    assert result.exit_code == 2
    assert words in " ".join(result.output.replace("│", " ").split())


def test_a_box_outside_of_its_image_is_named_with_file_and_line(data: Path, tmp_path: Path) -> None:
    labels = data / "PCBData/group00001/00001_not/00001000.txt"
    labels.write_text(labels.read_text() + "\n600 600 700 650 2")

    result = train(data, tmp_path / "run")

    assert result.exit_code == 2
    assert "00001000.txt:3" in "".join(result.output.replace("│", " ").split())
