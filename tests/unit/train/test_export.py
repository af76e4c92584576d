"""What Triton serves must be what was trained: folding and decoding may not change an answer."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch

from tools.train.export import TOP, Decoded, export
from tools.train.model import PairDetector

SIZE_PX = 128


@pytest.fixture(scope="module")
def trained() -> PairDetector:
    """A network whose normalisation statistics are far from neutral and whose scores differ, as trained ones do."""
    torch.manual_seed(1)
    network = PairDetector().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.8, 1.5)
            module.bias.data.normal_(0, 0.3)
    network.classes.weight.data.normal_(0, 0.5)
    return network


@pytest.fixture(scope="module")
def session(trained: PairDetector, tmp_path_factory: pytest.TempPathFactory) -> ort.InferenceSession:
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    export(trained, path, SIZE_PX)
    return ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def images(batch: int) -> torch.Tensor:
    return torch.randint(0, 2, (batch, 2, SIZE_PX, SIZE_PX), generator=torch.Generator().manual_seed(3)).byte() * 255


def test_folding_changes_nothing(trained: PairDetector) -> None:
    with torch.no_grad():
        logits, sides = trained(images(1).float())
        folded_logits, folded_sides = Decoded(trained, SIZE_PX).network.detect(images(1).float())

    assert torch.allclose(logits, folded_logits, atol=1e-4)
    assert torch.allclose(sides, folded_sides, atol=1e-3)


@pytest.mark.parametrize("batch", [1, 3])
def test_onnx_runtime_agrees_with_torch(trained: PairDetector, session: ort.InferenceSession, batch: int) -> None:
    (served,) = session.run(["detections"], {"images": images(batch).numpy()})
    with torch.no_grad():
        expected = Decoded(trained, SIZE_PX)(images(batch)).numpy()

    assert served.shape == (batch, TOP, 6)
    assert served.dtype == np.float32
    # Far down the list rounding decides which of two neighbouring cells is the peak.
    served, expected = served[:, :30], expected[:, :30]
    np.testing.assert_allclose(served[..., 4], expected[..., 4], atol=1e-4)
    # Boxes are compared where the score is unique enough for both to sort alike.
    clear = np.abs(np.diff(expected[..., 4], axis=1)).clip(0, 1)[:, :20] > 1e-4
    clear = clear[:, :-1] & clear[:, 1:]
    assert clear.any()
    np.testing.assert_allclose(served[:, 1:20][clear], expected[:, 1:20][clear], atol=0.02)


def test_scores_fall_and_boxes_stay_inside(session: ort.InferenceSession) -> None:
    (served,) = session.run(None, {"images": images(1).numpy()})

    assert (np.diff(served[0, :, 4]) <= 0).all()
    assert served[..., :4].min() >= 0
    assert served[..., :4].max() <= SIZE_PX
    assert set(np.unique(served[..., 5])) <= set(range(6))


def test_the_file_says_so_itself(session: ort.InferenceSession) -> None:
    (given,), (returned,) = session.get_inputs(), session.get_outputs()

    assert (given.name, given.type, given.shape) == ("images", "tensor(uint8)", ["batch", 2, SIZE_PX, SIZE_PX])
    assert (returned.name, returned.shape) == ("detections", ["batch", TOP, 6])


def test_export_leaves_the_trained_network_alone(trained: PairDetector, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    export(trained, tmp_path / "model.onnx", SIZE_PX)

    assert all(torch.equal(value, before[name]) for name, value in trained.state_dict().items())
