"""Training fails in its first second or not at all: a typing error must not cost an hour."""

from pathlib import Path

import cv2
import pytest
from click.testing import Result
from typer.testing import CliRunner

from tools.boards.deeppcb import DeepPcb
from tools.boards.generator import pair
from tools.train.cli import app
from tools.train.config import Config
from tools.train.manifest import Run, fingerprint
from tools.train.state import State


def test_wrong_data_folder_is_explained(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["train", "--data", str(tmp_path), "--out", str(tmp_path / "run")])

    assert result.exit_code == 2
    assert "PCBData" in result.output


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A generated pair to train on and one to hold out, in DeepPCB's folders."""
    lines = []
    for group in ("00001", "00002"):
        folder = tmp_path / f"data/PCBData/group{group}/{group}"
        folder.mkdir(parents=True)
        made = pair(int(group), [])
        for kind, image in (("test", made.part), ("temp", made.golden)):
            cv2.imwrite(str(folder / f"{group}000_{kind}.jpg"), image)
        lines.append(f"group{group}/{group}/{group}000.jpg")
    (tmp_path / "data/PCBData/trainval.txt").write_text("\n".join(lines))
    return tmp_path / "data"


@pytest.fixture
def run(tmp_path: Path, data: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    State.fresh(Config()).save(folder / "checkpoint.pt")
    Run("jidoka train", 0, 1, ["00002"], 0, fingerprint(DeepPcb(data).without(["00002"]))).save(folder)
    return folder


def exported(run: Path, data: Path, model: Path) -> Result:
    keys = ["--key", str(model.parent / "key.pem"), "--trust", str(model.parent / "trust")]
    return CliRunner().invoke(app, ["export", "--run", str(run), "--data", str(data), "--model", str(model), *keys])


def test_export_refuses_data_that_the_run_was_not_trained_on(run: Path, data: Path, tmp_path: Path) -> None:
    """Calibrating on held-out boards would make every figure measured on them a little too good."""
    with (data / "PCBData/group00001/00001/00001000_test.jpg").open("ab") as image:
        image.write(b"changed")

    result = exported(run, data, tmp_path / "model")

    assert result.exit_code == 2
    assert "does not hold the pairs" in " ".join(result.output.replace("│", " ").split())
    assert not (tmp_path / "model").exists()
