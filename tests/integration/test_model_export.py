"""`jidoka export` with the real Triton: a model enters whole, signed and measured, or not at all."""

import shutil
from pathlib import Path

import cv2
import onnx
import pytest
import torch
from click.testing import Result
from onnx import numpy_helper
from torch import nn
from typer.testing import CliRunner

from services.chassis.errors import MeshError
from services.inference.adapters.trust import TrustedKeys
from tools.boards.deeppcb import DeepPcb
from tools.boards.generator import pair
from tools.explain.restore import restore
from tools.train import manifest, pipeline
from tools.train.cli import app
from tools.train.config import Config
from tools.train.model import PairDetector
from tools.train.sign import sign, signing_key
from tools.train.state import State

SHIPPED = Path("model_repository/pcb_detector")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Generated pairs to train on and to hold out, in DeepPCB's folders."""
    lines = []
    for group, count in (("00001", 4), ("00002", 2)):
        images, labels = (tmp_path / f"data/PCBData/group{group}/{name}" for name in (group, f"{group}_not"))
        images.mkdir(parents=True)
        labels.mkdir()
        for number in range(count):
            made, stem = pair(int(group) + number), f"{group}{number:03d}"
            for kind, image in (("test", made.part), ("temp", made.golden)):
                cv2.imwrite(str(images / f"{stem}_{kind}.jpg"), image)
            rows = (f"{' '.join(map(str, d.box))} {1 + manifest_label(d.label)}" for d in made.defects)
            (labels / f"{stem}.txt").write_text("\n".join(rows))
            lines.append(f"group{group}/{group}/{stem}.jpg group{group}/{group}_not/{stem}.txt")
    (tmp_path / "data/PCBData/trainval.txt").write_text("\n".join(lines))
    return tmp_path / "data"


def manifest_label(label: str) -> int:
    return (SHIPPED / "labels.txt").read_text().split().index(label)


def trained() -> PairDetector:
    """The shipped network with its normalisations unfolded again: as if it had just been trained."""
    network, folded = PairDetector().eval(), restore(SHIPPED / manifest.EXPORTED).network
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.running_var, 1 - module.eps)
        if not isinstance(module, nn.Conv2d):
            continue
        source = folded.get_submodule(name)
        module.weight.data = source.weight.data.clone()
        if module.bias is not None:
            module.bias.data = source.bias.data.clone()
        else:
            head, _, index = name.rpartition(".")
            network.get_submodule(f"{head}.{int(index) + 1}").bias.data = source.bias.data.clone()
    network.s1[0][0].weight.data *= 255
    return network


@pytest.fixture
def run(tmp_path: Path, data: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    state = State.fresh(Config())
    state.average.load_state_dict(trained().state_dict())
    state.save(folder / "checkpoint.pt")
    seen = manifest.fingerprint(DeepPcb(data).without(["00002"]))
    manifest.Run("jidoka train", 0, 1, ["00002"], 0, seen).save(folder)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "models/pcb_detector"
    shutil.copytree(SHIPPED, folder)
    return folder


def exported(run: Path, data: Path, model: Path) -> Result:
    keys = ["--key", str(run.parent / "key.pem"), "--trust", str(run.parent / "trust")]
    where = ["--run", str(run), "--data", str(data), "--model", str(model), "--boards", "2"]
    return CliRunner().invoke(app, ["export", *where, *keys])


def test_a_trained_network_enters_signed_and_with_its_figures(run: Path, data: Path, model: Path) -> None:
    result = exported(run, data, model)

    assert result.exit_code == 0, result.output
    about = TrustedKeys(run.parent / "trust").verify(model)
    assert about["files"] == manifest.files(model)
    assert about["parity"]["golden_boards"] == 12
    assert about["parity"]["largest_drift"].keys() == {
        *("torch, exported", "exported, eight bits", "exported, for TensorRT"),
        *("exported, as asked for", "eight bits, served", "torch, served"),
    }
    for same in ("torch, exported", "torch, served", "eight bits, served"):
        assert about["parity"]["largest_drift"][same]["score"] < 1e-3
    assert about["parity"]["verdicts"] == {"threshold": about["threshold"], "defective_to_all": 9}
    assert 0 < about["threshold"] < 1
    assert about["figures"]["map33"] > 0.8  # a class that two boards lack counts as missed
    assert about["training"]["data_fingerprint"] == manifest.Run.load(run).data_fingerprint
    assert (model / "config.pbtxt").read_bytes() == (SHIPPED / "config.pbtxt").read_bytes()
    assert [path.name for path in model.parent.iterdir()] == ["pcb_detector"]
    with pytest.raises(MeshError):  # what was signed for one plant is not trusted by another
        TrustedKeys(run.parent / "elsewhere").verify(model)


def test_an_export_that_is_normalised_wrongly_never_enters(
    run: Path, data: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/127 instead of /255; more ways to do it wrong in tests/unit/train/test_gate.py."""
    export = pipeline.export_onnx

    def spoilt(network: PairDetector, path: Path) -> None:
        wrong = PairDetector(network.shape)
        wrong.load_state_dict(network.state_dict())
        wrong.s1[0][0].weight.data *= 255 / 127
        export(wrong.eval(), path)

    monkeypatch.setattr(pipeline, "export_onnx", spoilt)
    before = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}

    result = exported(run, data, model)

    assert result.exit_code == 2
    said = " ".join(result.output.replace("\u2502", " ").split())
    assert "torch and the export disagree" in said
    assert "Nothing entered the repository" in said
    assert {path: path.read_bytes() for path in model.rglob("*") if path.is_file()} == before
    assert [path.name for path in model.parent.iterdir()] == ["pcb_detector"]


def test_a_triton_that_serves_another_network_than_the_one_at_hand_is_found_out(
    run: Path, data: Path, model: Path
) -> None:
    """All files are right, and the configuration serves something else: only the answers of the server show it."""
    shutil.copy(model / manifest.SERVED, model / "1/older.png")
    older = onnx.load(model / "1/older.png")
    stem = next(stored for stored in older.graph.initializer if len(stored.dims) == 4 and stored.dims[1] == 2)
    stem.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(stem)[:, ::-1].copy(), stem.name))
    onnx.save(older, model / "1/older.png")
    config = model / "config.pbtxt"
    config.write_text(config.read_text() + 'default_model_filename: "older.png"\n')
    before = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}

    result = exported(run, data, model)

    assert result.exit_code == 2
    assert "and the served Triton disagree about" in " ".join(result.output.replace("\u2502", " ").split())
    assert {path: path.read_bytes() for path in model.rglob("*") if path.is_file()} == before


def test_a_threshold_is_frozen_anew_only_on_what_was_signed(data: Path, model: Path, tmp_path: Path) -> None:
    """Else one could change the manifest by hand and have it signed."""
    key, trust = tmp_path / "key.pem", tmp_path / "trust"
    sign(model, manifest.read(model) | {"threshold": 0.0}, signing_key(key, trust))
    where = ["--data", str(data), "--model", str(model), "--holdout", "00002", "--boards", "1"]
    freeze = ["freeze", *where, "--key", str(key), "--trust", str(trust)]
    assert CliRunner().invoke(app, freeze).exit_code == 0
    assert 0 < TrustedKeys(trust).verify(model)["threshold"] < 1

    readable = model / "manifest.json"
    readable.write_text(readable.read_text().replace("pcb_detector", "another"))
    refused = CliRunner().invoke(app, freeze)
    assert refused.exit_code == 2
    assert "was changed after it was signed" in " ".join(refused.output.replace("\u2502", " ").split())


def test_unfolding_is_exact() -> None:
    """Or the tests above would prove nothing about the network that is shipped."""
    board = pair(5)
    images = torch.stack([torch.from_numpy(board.part), torch.from_numpy(board.golden)])[None].float()
    with torch.no_grad():
        mine = trained()(images)[0]
        theirs = restore(SHIPPED / manifest.EXPORTED).network.detect(images)[0]

    assert torch.allclose(mine, theirs, atol=1e-3)
