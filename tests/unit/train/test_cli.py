"""Training fails in its first second or not at all: a typing error must not cost an hour."""

import hashlib
import json
from pathlib import Path

import cv2
import pytest
from click.testing import Result
from typer.testing import CliRunner

from tools.boards.deeppcb import DeepPcb
from tools.boards.generator import pair
from tools.train import pipeline
from tools.train.cli import app
from tools.train.config import Config
from tools.train.manifest import Run, fingerprint, threshold
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
    return CliRunner().invoke(app, ["export", "--run", str(run), "--data", str(data), "--model", str(model)])


def test_export_writes_both_models_and_their_manifest(
    run: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_CALIBRATION_BOARDS", 0)
    model = tmp_path / "model"

    result = exported(run, data, model)

    assert result.exit_code == 0, result.output
    assert (model / "1/model.onnx").stat().st_size < 0.5 * (model / "1/model_fp32.onnx").stat().st_size
    manifest = json.loads((model / "manifest.json").read_text())
    assert manifest["training"]["holdout"] == ["00002"]
    assert manifest["sha256"] == hashlib.sha256((model / "1/model.onnx").read_bytes()).hexdigest()
    with pytest.raises(ValueError, match="jidoka freeze"):
        threshold(model)


def test_export_refuses_data_that_the_run_was_not_trained_on(run: Path, data: Path, tmp_path: Path) -> None:
    """Calibrating on held-out boards would make every figure measured on them a little too good."""
    with (data / "PCBData/group00001/00001/00001000_test.jpg").open("ab") as image:
        image.write(b"changed")

    result = exported(run, data, tmp_path / "model")

    assert result.exit_code == 2
    assert "does not hold the pairs" in " ".join(result.output.replace("│", " ").split())
    assert not (tmp_path / "model").exists()
