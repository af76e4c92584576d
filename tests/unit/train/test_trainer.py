"""A run that was killed and resumed must end where an unbroken one does, or no figure can be reproduced."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch

from tools.boards.board import Defect, Pair
from tools.boards.generator import pair
from tools.train.config import Config, Data, Optimizer, load
from tools.train.data import MAX_TARGETS, Crops
from tools.train.model import PairDetector
from tools.train.optim import learning_rate
from tools.train.state import State, averaged
from tools.train.team import Shard, Team
from tools.train.track import Silent
from tools.train.trainer import Trainer

ALONE = Team(0, 1, torch.device("cpu"))
TINY = {
    "steps": 3,
    "batch": 2,
    "loader_processes": 0,
    "checkpoint_every": 2,
    "validate_every": 0,
    "precision": "fp32",
    "model": {"width": 0.25},
    "data": {"crop_px": 64},
}


def tiny(**changes: object) -> Config:
    return load(None, TINY, changes)


def trained(plan: Config, boards: list[Pair], checkpoint: Path, state: State | None = None) -> PairDetector:
    return Trainer(plan, state or State.fresh(plan), ALONE, Silent()).run([], boards, checkpoint)


@pytest.fixture(scope="module")
def boards() -> list[Pair]:
    return [pair(seed) for seed in range(2)]


def same(a: PairDetector, b: PairDetector) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_resuming_gives_the_same_weights(boards: list[Pair], tmp_path: Path) -> None:
    whole = trained(tiny(), boards, tmp_path / "whole.pt")

    Trainer(tiny(), State.fresh(tiny()), ALONE, Silent()).run([], boards, tmp_path / "broken.pt", stop_after_s=0)
    state = State.fresh(tiny())
    state.load(tmp_path / "broken.pt")
    assert state.step == 1  # the time limit left a checkpoint after one step
    resumed = trained(tiny(), boards, tmp_path / "broken.pt", state)

    assert same(whole, resumed)
    assert averaged(tmp_path / "broken.pt")[1] == 3


def test_another_seed_gives_other_weights(boards: list[Pair], tmp_path: Path) -> None:
    first, second = (trained(tiny(seed=seed), boards, tmp_path / f"{seed}.pt") for seed in (0, 1))

    assert not same(first, second)


def test_accumulating_passes_is_a_larger_batch(boards: list[Pair], tmp_path: Path) -> None:
    """Sample numbers are handed out so that both see the same crops; only the normalisation statistics differ."""
    seen = [list(Shard(plan, ALONE, 0)) for plan in (tiny(batch=4), tiny(batch=2, accumulate=2))]

    assert list(chain(*seen[0])) == list(chain(*seen[1]))
    trained(tiny(batch=1, accumulate=2), boards, tmp_path / "c.pt")
    assert averaged(tmp_path / "c.pt")[1] == 3


def test_processes_share_the_crops_and_miss_none() -> None:
    plan = tiny(batch=2, accumulate=2, steps=3)
    shares = [list(chain(*Shard(plan, Team(rank, 2, torch.device("cpu")), 1))) for rank in (0, 1)]

    assert sorted(shares[0] + shares[1]) == list(range(8, 24))


def test_a_run_from_another_shape_is_refused(tmp_path: Path) -> None:
    State.fresh(tiny()).save(tmp_path / "c.pt")

    with pytest.raises(ValueError, match="another network"):
        State.fresh(tiny(**{"model.width": 0.5})).load(tmp_path / "c.pt")


def test_transfer_takes_what_fits_and_slows_the_early_stages(tmp_path: Path) -> None:
    State.fresh(tiny()).save(tmp_path / "c.pt")
    plan = tiny(
        seed=5,
        **{"model.attention": False, "optimizer.layer_decay": 0.5, "start_from": tmp_path / "c.pt"},
    )

    state = State.fresh(plan)

    assert torch.equal(state.model.s1[0][0].weight, averaged(tmp_path / "c.pt")[0].s1[0][0].weight)
    assert [group["share"] for group in state.optimizer.param_groups] == [1 / 16] * 2 + [1 / 8] * 2 + [1 / 4] * 2 + [
        1 / 2
    ] * 2 + [1] * 2


def test_patience_ends_a_run_that_gets_no_better_and_keeps_the_best(boards: list[Pair], tmp_path: Path) -> None:
    class Falling(Silent):
        figure = 0.9

        def look(self, step: int, average: PairDetector) -> float:
            self.figure -= 0.1
            return self.figure

    plan = tiny(steps=20, validate_every=1, patience=2)
    state = State.fresh(plan)
    Trainer(plan, state, ALONE, Falling()).run([], boards, tmp_path / "c.pt")

    assert state.step == 3
    assert averaged(tmp_path / "best.pt")[1] == 1


@pytest.mark.parametrize("schedule", ["cosine", "warm-restarts", "step"])
def test_every_schedule_warms_up_and_comes_down(schedule: str) -> None:
    plan = Optimizer(schedule=schedule, cycle_steps=500)  # type: ignore[arg-type]
    rates = [learning_rate(plan, step, 1500) for step in range(1500)]

    assert rates[0] < rates[100] < rates[299]
    assert rates[499] < 0.5 * plan.learning_rate or schedule != "warm-restarts"
    assert rates[1499] < 0.1 * plan.learning_rate + 1e-9
    assert max(rates) <= plan.learning_rate


def test_a_restart_brings_the_rate_back_for_a_longer_cycle() -> None:
    plan = Optimizer(schedule="warm-restarts", cycle_steps=500, warmup_steps=0)

    assert learning_rate(plan, 499, 1500) < 0.02 * plan.learning_rate
    assert learning_rate(plan, 500, 1500) == pytest.approx(plan.learning_rate)
    assert learning_rate(plan, 1000, 1500) == pytest.approx(0.505 * plan.learning_rate)


def test_samples_depend_on_their_number_alone(boards: list[Pair]) -> None:
    first, second = (Crops([], boards, Data(), seed=1, count=100, calm_from=100) for _ in range(2))
    first[3]

    assert all(torch.equal(a, b) for a, b in zip(first[17], second[17], strict=True))
    assert not torch.equal(first[17][0], first[18][0])


@pytest.mark.parametrize("kind", ["mosaic", "mixup", "cutmix", "copy_paste", "roles"])
def test_targets_stay_in_the_crop_and_mark_a_difference(boards: list[Pair], kind: str) -> None:
    plan = Data(clean=0, photometric=0, **{kind: 1.0})
    crops = Crops([], boards, plan, seed=2, count=30, calm_from=30)
    for index in range(30):
        images, targets = crops[index]
        real = targets[targets[:, 4] >= 0].numpy()

        assert images.shape == (2, 320, 320)
        assert targets.shape == (MAX_TARGETS, 5)
        assert real[:, :4].min(initial=0) >= 0
        assert real[:, :4].max(initial=0) <= 319
        for x1, y1, x2, y2 in real[:, :4].round().astype(int):
            part, golden = images.numpy().astype(np.int16)[:, y1 : y2 + 1, x1 : x2 + 1]
            assert np.abs(part - golden).max() > 30


def test_flips_move_boxes_to_the_very_pixel(boards: list[Pair]) -> None:
    """Half a pixel of difference between turned and straight boxes once cost three points of mAP 50:95."""
    quiet = Data(clean=0, misaligned=0, photometric=0, roles=0, copy_paste=0, calm=0)
    flaw = np.zeros((640, 640), np.uint8)
    flaw[100:120, 200:230] = 255
    lone = Pair("p", "g", flaw, np.zeros_like(flaw), (Defect("copper", (200, 100, 229, 119)),))
    crops = Crops([], [lone], quiet, seed=0, count=60, calm_from=0)
    checked = 0
    for index in range(60):
        images, targets = crops[index]
        whole = targets[targets[:, 4] == 4].numpy()
        rows, columns = np.nonzero(images[0].numpy() > 127)
        if not len(whole) or min(rows.min(), columns.min()) < 2 or max(rows.max(), columns.max()) > 317:
            continue
        seen = [columns.min(), rows.min(), columns.max(), rows.max()]
        assert np.abs(whole[0, :4] - seen).max() < 1.2  # a magnified edge lies between two pixels
        checked += 1
    assert checked > 20


def test_no_pairs_is_an_error() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        Crops([], [], Data(), seed=0, count=1, calm_from=1)
