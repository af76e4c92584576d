"""The assignment decides what the network learns; a NaN in it would show up hours later."""

import torch

from tools.train.assign import IGNORED, assign
from tools.train.loss import detection_loss
from tools.train.model import PairDetector, boxes, centres


def targets(*rows: tuple[float, ...]) -> torch.Tensor:
    padded = torch.full((1, 8, 5), -1.0)
    padded[0, : len(rows)] = torch.tensor(rows).reshape(-1, 5)
    return padded


def test_every_defect_gets_a_cell_near_it() -> None:
    middles = centres(20, 20)
    predicted = boxes(torch.full((1, 4, 20, 20), 17.0), middles)
    wanted = targets((20, 20, 50, 50, 0), (100, 90, 104, 94, 3), (0, 0, 9, 160, 5))

    owner, quality = assign(torch.full((1, 400, 6), 0.02), predicted, middles, wanted)

    for index in range(3):
        mine = owner[0] == index
        assert 1 <= int(mine.sum()) <= 8
        assert float(quality[0][mine].max()) >= 0.3 - 1e-6
    assert int((owner >= 3).sum()) == 0
    assert float(quality[owner < 0].sum()) == 0


def test_gradients_are_finite_with_and_without_defects() -> None:
    torch.manual_seed(0)
    images = torch.randint(0, 256, (1, 2, 64, 64)).float()
    for wanted in (targets(), targets((5, 5, 40, 30, 1), (30, 30, 31, 31, IGNORED))):
        model = PairDetector()
        loss = detection_loss(*model(images), wanted)
        loss.backward()

        assert torch.isfinite(loss)
        assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_an_ignored_region_costs_nothing() -> None:
    # A confident answer anywhere is punished, except where the crop cut a defect off.
    logits, sides = torch.full((1, 6, 8, 8), -8.0), torch.full((1, 4, 8, 8), 16.0)
    logits[0, 2, 2, 2] = 4.0

    assert float(detection_loss(logits, sides, targets())) > 1
    assert float(detection_loss(logits, sides, targets((10, 10, 30, 30, IGNORED)))) < 0.01


def test_a_perfect_answer_costs_almost_nothing() -> None:
    wanted = targets((4, 4, 36, 36, 2))
    logits, sides = torch.full((1, 6, 8, 8), -12.0), torch.full((1, 4, 8, 8), 16.0)
    near = detection_loss(logits, sides, wanted)
    logits[0, 2, 2, 2] = 6.0

    assert float(detection_loss(logits, sides, wanted)) < 0.5 * float(near)
