"""Evidence must point at the defect, depend on what was learnt, and come from the very network that is served."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from typer.testing import CliRunner

from tools.boards.generator import pair
from tools.cli import app
from tools.explain.cam import explain
from tools.explain.overlay import overlay
from tools.explain.restore import restore
from tools.train import manifest
from tools.train.metrics import boxes_of, hits
from tools.train.validate import registered

MODEL = Path("model_repository/pcb_detector")
EXPORTED = MODEL / manifest.EXPORTED
BOARD = pair(11, ["open", "short", "mousebite", "spur", "copper", "pin-hole"])
IMAGES = registered(BOARD.part, BOARD.golden)


@pytest.fixture(scope="module")
def evidence():
    return explain(restore(EXPORTED), IMAGES, 0.4)


def test_the_restored_network_answers_as_the_exported_one():
    session = ort.InferenceSession(EXPORTED, providers=["CPUExecutionProvider"])
    (theirs,) = session.run(["detections"], {"images": IMAGES[None]})
    with torch.no_grad():
        mine = restore(EXPORTED)(torch.from_numpy(IMAGES)[None]).numpy()

    strong = theirs[0, :, 4] > 0.1
    assert strong.sum() >= len(BOARD.defects)
    assert np.allclose(mine[0, strong], theirs[0, strong], atol=0.05)


def test_the_pixels_that_drove_a_box_lie_in_it(evidence):
    found = np.array([(*e.box, e.score, 0) for e in evidence], np.float32)
    assert hits(found, boxes_of(BOARD), 0.33, agnostic=True).sum() == len(BOARD.defects)
    for e in evidence:
        y, x = np.unravel_index(e.heat.argmax(), e.heat.shape)
        x1, y1, x2, y2 = e.box
        assert x1 <= x <= x2, e.label
        assert y1 <= y <= y2, e.label
        assert e.inside > 0.5


def test_the_evidence_vanishes_with_the_weights_that_were_learnt(evidence):
    """The sanity check of Adebayo et al. 2018 (arXiv:1810.03292): a map that survives random weights shows edges."""
    network = restore(EXPORTED)
    torch.manual_seed(0)
    for name, weight in network.named_parameters():
        if ".s2." in name or ".s3." in name or ".s4." in name:
            weight.data = weight.data.flatten()[torch.randperm(weight.numel())].reshape(weight.shape)
    for e in explain(network, IMAGES, 0.0, most=4):
        for true in evidence:
            assert np.corrcoef(e.heat.ravel(), true.heat.ravel())[0, 1] < 0.5


def test_a_good_board_has_no_evidence_and_still_a_picture():
    good = pair(12, [])
    found = explain(restore(EXPORTED), registered(good.part, good.golden), 0.4)

    assert found == []
    assert overlay(good.part, found).shape == (640, 640, 3)


def test_the_overlay_glows_where_the_evidence_is(evidence):
    picture = overlay(BOARD.part, evidence[:1]).astype(int)
    colourful = np.ptp(picture, axis=2) > 40

    assert colourful.any()
    assert evidence[0].heat[colourful].min() > 0.1


def test_the_command_writes_the_picture_and_refuses_what_it_cannot_explain(tmp_path):
    done = CliRunner().invoke(app, ["explain", "--board", "11", "--out", str(tmp_path / "e.png")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "e.png").stat().st_size > 10_000
    assert "of its evidence lies in its box" in done.output

    wrong = CliRunner().invoke(app, ["explain", "--part", "x.png", "--out", str(tmp_path / "e.png")])
    assert wrong.exit_code == 2
    with pytest.raises(ValueError, match="not a float32 export"):
        restore(MODEL / manifest.SERVED)
