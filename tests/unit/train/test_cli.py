"""Training fails in its first second or not at all: a typing error must not cost an hour."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools.train.cli import app
from tools.train.manifest import threshold
from tools.train.trainer import Plan, State


def test_wrong_data_folder_is_explained(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["train", "--data", str(tmp_path), "--out", str(tmp_path / "run")])

    assert result.exit_code == 2
    assert "PCBData" in result.output


def test_export_writes_a_model_and_its_manifest(tmp_path: Path) -> None:
    run, model = tmp_path / "run", tmp_path / "model"
    run.mkdir()
    State.fresh(Plan(steps=1)).save(run / "checkpoint.pt")
    (run / "run.json").write_text('{"seed": 0}')

    result = CliRunner().invoke(app, ["export", "--run", str(run), "--model", str(model)])

    assert result.exit_code == 0
    assert (model / "1/model.onnx").stat().st_size > 1_000_000
    assert json.loads((model / "manifest.json").read_text())["training"] == {"seed": 0}
    with pytest.raises(ValueError, match="jidoka freeze"):
        threshold(model)
