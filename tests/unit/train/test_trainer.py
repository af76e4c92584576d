"""A run that was killed and resumed must end where an unbroken one does, or no figure can be reproduced."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tools.boards.board import Pair
from tools.boards.generator import pair
from tools.train import trainer
from tools.train.data import MAX_TARGETS, Crops
from tools.train.trainer import Plan, State, learning_rate, train

PLAN = Plan(steps=3, batch=2, crop_px=64, checkpoint_every=2, loader_processes=0)


@pytest.fixture(scope="module")
def boards() -> list[Pair]:
    return [pair(seed) for seed in range(2)]


def test_resuming_gives_the_same_weights(boards: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(PLAN, [], boards, tmp_path / "whole.pt")

    real, taken = trainer._step, []

    def killed_after_two(*args: object) -> float:
        if len(taken) == 2:
            raise KeyboardInterrupt
        taken.append(1)
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "_step", killed_after_two)
        with pytest.raises(KeyboardInterrupt):
            train(PLAN, [], boards, tmp_path / "broken.pt")
    resumed = train(PLAN, [], boards, tmp_path / "broken.pt", resume=True)

    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_time_limit_leaves_a_checkpoint(boards: list[Pair], tmp_path: Path) -> None:
    train(Plan(steps=50, batch=1, crop_px=64, stop_after_s=0, loader_processes=0), [], boards, tmp_path / "c.pt")
    state = State.fresh(PLAN)
    state.load(tmp_path / "c.pt")

    assert state.step == 1


def test_learning_rate_warms_up_and_ends_at_one_percent() -> None:
    plan = Plan(steps=1000)

    assert learning_rate(plan, 0) < learning_rate(plan, 150) < learning_rate(plan, 299)
    assert learning_rate(plan, 1000) == pytest.approx(0.01 * plan.learning_rate)


def test_samples_depend_on_their_number_alone(boards: list[Pair]) -> None:
    first, second = (Crops([], boards, count=100, seed=1) for _ in range(2))
    first[3]

    assert all(torch.equal(a, b) for a, b in zip(first[17], second[17], strict=True))
    assert not torch.equal(first[17][0], first[18][0])


def test_targets_stay_in_the_crop_and_mark_a_difference(boards: list[Pair]) -> None:
    crops = Crops([], boards, count=40, seed=2)
    for index in range(40):
        images, targets = crops[index]
        real = targets[targets[:, 4] >= 0].numpy()

        assert images.shape == (2, 320, 320)
        assert targets.shape == (MAX_TARGETS, 5)
        assert real[:, :4].min(initial=0) >= 0
        assert real[:, :4].max(initial=0) <= 320
        for x1, y1, x2, y2 in real[:, :4].round().astype(int):
            part, golden = images.numpy().astype(np.int16)[:, y1:y2, x1:x2]
            assert np.abs(part - golden).max() > 50


def test_no_pairs_is_an_error() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        Crops([], [], count=1, seed=0)
