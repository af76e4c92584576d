"""What a teacher tells must pull the student towards it; what pruning cuts must be what matters least."""

from pathlib import Path

import pytest
import torch

from tools.train.config import Config, Distillation, Model
from tools.train.distill import Teacher, teacher, temperature
from tools.train.model import PairDetector
from tools.train.prune import prune
from tools.train.state import State


def answer(network: PairDetector, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    features = network.features(images / 255)
    return features, *network.answer(features)


@pytest.fixture
def images() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randint(0, 256, (2, 2, 64, 64)).float()


def test_a_student_that_is_its_teacher_has_nothing_to_learn(images: torch.Tensor) -> None:
    network = PairDetector(Model(width=0.25)).eval()
    loss = Teacher(Distillation(), network)(images, *answer(network, images), 0.0)

    assert float(loss) < 1e-2  # the teacher computes in bfloat16


def test_distilling_brings_the_student_nearer(images: torch.Tensor) -> None:
    torch.manual_seed(1)
    large, small = PairDetector(Model(width=0.5)), PairDetector(Model(width=0.25))
    tell = Teacher(Distillation(), large)
    optimizer = torch.optim.AdamW(small.parameters(), 1e-2)
    losses = []
    for step in range(12):
        loss = tell(images, *answer(small, images), step / 12)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    assert losses[-1] < 0.5 * losses[0]
    assert all(weight.grad is None for weight in large.parameters())


def test_the_temperature_falls_to_one() -> None:
    plan = Distillation(temperature=6)

    assert [temperature(plan, share) for share in (0, 0.5, 1)] == [6, 3.5, 1]


def test_no_teacher_or_a_missing_one(tmp_path: Path) -> None:
    assert teacher(Distillation(), torch.device("cpu")) is None
    with pytest.raises(ValueError, match="no such checkpoint"):
        teacher(Distillation(teacher=tmp_path / "none.pt"), torch.device("cpu"))


def test_pruning_cuts_the_channels_that_do_nothing(images: torch.Tensor) -> None:
    """Half of the channels are silenced: pruned to half, the network must answer as before."""
    torch.manual_seed(2)
    network = PairDetector(Model(width=0.5)).eval()
    with torch.no_grad():
        for name, module in network.named_modules():
            if name.endswith("first.1"):
                silent = torch.randperm(len(module.weight))[: len(module.weight) // 2]
                module.weight[silent] = 0
                module.bias[silent] = 0

        slim = prune(network, 0.5)

        for mine, theirs in zip(answer(network, images), answer(slim, images), strict=True):
            assert torch.allclose(mine, theirs, atol=1e-4)
    assert sum(p.numel() for p in slim.parameters()) < 0.85 * sum(p.numel() for p in network.parameters())


def test_a_pruned_network_can_be_trained_on(tmp_path: Path) -> None:
    slim = prune(PairDetector(Model(width=0.5)), 0.5)
    state = State.fresh(Config(model=slim.shape))
    state.model.load_state_dict(slim.state_dict())
    state.average.load_state_dict(slim.state_dict())
    state.save(tmp_path / "pruned.pt")

    onward = State.fresh(Config(model=slim.shape, start_from=tmp_path / "pruned.pt"))

    assert torch.equal(onward.model.s1[2].first[0].weight, slim.s1[2].first[0].weight)
    with pytest.raises(ValueError, match=r"--keep 0\.7"):
        prune(slim, 0.7)
