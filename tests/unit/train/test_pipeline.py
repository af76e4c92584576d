"""Nothing enters the model folder half, and nothing that the plant would refuse; networks and gate are stand-ins."""

from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from services.chassis.errors import MeshError
from services.inference.adapters.trust import TrustedKeys
from tools.boards.deeppcb import DeepPcb
from tools.boards.generator import pair
from tools.train import gate, manifest, pipeline
from tools.train.config import Config
from tools.train.gate import Golden, Parity
from tools.train.sign import signing_key
from tools.train.state import State


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """`pipeline.export` of a run that was trained on one pair and judged on another."""
    lines = []
    for group in ("00001", "00002"):
        folder = tmp_path / f"data/PCBData/group{group}/{group}"
        folder.mkdir(parents=True)
        made = pair(int(group), [])
        for kind, image in (("test", made.part), ("temp", made.golden)):
            cv2.imwrite(str(folder / f"{group}000_{kind}.jpg"), image)
        lines.append(f"group{group}/{group}/{group}000.jpg")
    (tmp_path / "data/PCBData/trainval.txt").write_text("\n".join(lines))
    (tmp_path / "run").mkdir()
    State.fresh(Config()).save(tmp_path / "run/checkpoint.pt")
    seen = manifest.fingerprint(DeepPcb(tmp_path / "data").without(["00002"]))
    manifest.Run("jidoka train", 0, 1, ["00002"], 0, seen).save(tmp_path / "run")
    monkeypatch.setattr(pipeline, "export_onnx", lambda _, path: path.write_bytes(b"network"))
    monkeypatch.setattr(pipeline, "quantize", lambda _, path, __, **___: path.write_bytes(b"eight bits"))
    monkeypatch.setattr(pipeline, "Detector", lambda _: None)
    monkeypatch.setattr(pipeline, "measure", lambda *_: (0.4, {"f": 0.99}))
    monkeypatch.setattr(gate, "check", lambda *_: Parity(Golden([], "f"), {"torch": []}, {}))
    key, trust = signing_key(tmp_path / "key.pem", tmp_path / "trust"), tmp_path / "trust"
    run, data, model = tmp_path / "run", tmp_path / "data", tmp_path / "models/pcb"
    return lambda: pipeline.export(run, data, model, key, trust=trust, boards=1, report=lambda _: None)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "models/pcb"
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").write_text('backend: "onnxruntime"\n')
    (folder / "labels.txt").write_text("open\n")
    (folder / "1/model.onnx").write_bytes(b"the model before")
    (folder / "1/model_int8.plan").write_bytes(b"an engine of the model before")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_new_model_replaces_the_old_one_and_its_engines(export, model: Path, tmp_path: Path) -> None:
    export()

    assert TrustedKeys(tmp_path / "trust").verify(model)["threshold"] == 0.4
    assert (model / "1/model.onnx").read_bytes() == b"eight bits"
    assert not (model / "1/model_int8.plan").exists()
    assert [path.name for path in model.parent.iterdir()] == ["pcb"]


def test_a_paper_that_was_written_meanwhile_is_kept(export, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(*_: object) -> tuple[float, dict[str, float]]:
        (model / "MODEL_CARD.md").write_text("written while the export ran")
        return 0.4, {}

    monkeypatch.setattr(pipeline, "measure", measure)
    export()

    assert (model / "MODEL_CARD.md").read_text() == "written while the export ran"


def test_a_configuration_that_the_gate_has_not_seen_does_not_pass_it(
    export, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(*_: object) -> tuple[float, dict[str, float]]:
        (model / "config.pbtxt").write_text('backend: "onnxruntime"\nmax_batch_size: 4\n')
        return 0.4, {}

    monkeypatch.setattr(pipeline, "measure", measure)
    with pytest.raises(ValueError, match=r"config\.pbtxt was changed .* export again"):
        export()

    assert (model / "1/model.onnx").read_bytes() == b"the model before"
    assert [path.name for path in model.parent.iterdir()] == ["pcb"]


def test_what_the_plant_would_refuse_does_not_enter(export, model: Path) -> None:
    (model / "1/model.py").write_text("a backend of its own")
    before = contents(model)

    with pytest.raises(MeshError, match=r"1/model\.py is not in the signed manifest"):
        export()
    assert contents(model) == before
    assert [path.name for path in model.parent.iterdir()] == ["pcb"]
