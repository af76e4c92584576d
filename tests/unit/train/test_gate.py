"""The gate lets pass what agrees, and says who sees what differently on which board."""

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tools.explain.restore import restore
from tools.train import manifest
from tools.train.export import export
from tools.train.gate import EXACT, ROUNDED, Disagreement, Golden, Parity, Tolerance, check, compare
from tools.train.metrics import Array
from tools.train.model import PairDetector

SHIPPED = Path(__file__).parents[3] / "model_repository/pcb_detector"


def seen(*rows: tuple[float, ...]) -> list[Array]:
    return [np.array(rows, np.float32).reshape(-1, 6)]


BOX = (10.0, 10.0, 50.0, 50.0, 0.8, 2.0)


def test_the_same_answer_passes_and_the_drift_is_told() -> None:
    near = (10.5, 10.0, 50.0, 50.0, 0.75, 2.0)

    assert compare("a", seen(BOX), "b", seen(BOX), EXACT) == Tolerance(0.0, 0.0)
    assert compare("a", seen(BOX), "b", seen(near), ROUNDED) == Tolerance(pytest.approx(0.05, abs=1e-4), 0.5)
    with pytest.raises(Disagreement, match=r"golden board 0: a and b disagree about the mousebite .*differ by 0\.0500"):
        compare("a", seen(BOX), "b", seen(near), EXACT)


@pytest.mark.parametrize(("ones", "others", "blind"), [(seen(BOX), seen(), "b"), (seen(), seen(BOX), "a")])
def test_a_box_that_only_one_sees_is_a_disagreement(ones: list[Array], others: list[Array], blind: str) -> None:
    with pytest.raises(Disagreement, match=f"{blind} does not see it"):
        compare("a", ones, "b", others, ROUNDED)


def test_so_is_another_class_in_the_same_place() -> None:
    with pytest.raises(Disagreement):
        compare("a", seen(BOX), "b", seen((*BOX[:5], 3.0)), ROUNDED)


def test_weak_boxes_may_come_and_go() -> None:
    assert compare("a", seen((*BOX[:4], 0.1, 2.0)), "b", seen(), EXACT) == Tolerance(0.0, 0.0)


def test_a_network_that_sees_nothing_proves_nothing(tmp_path: Path) -> None:
    """An untrained one agrees with everybody."""
    torch.manual_seed(0)
    (tmp_path / "1").mkdir()
    network = PairDetector().eval()
    export(network, tmp_path / "1/model_fp32.onnx")
    golden = Golden.drawn()
    with pytest.raises(Disagreement, match="sees nothing on 12 golden boards"):
        check(network, tmp_path, golden, lambda _: None)
    assert golden.fingerprint == Golden.drawn().fingerprint


@pytest.fixture(scope="module")
def shipped() -> PairDetector:
    """The shipped network as if it had just been trained: in pictures of 0..1."""
    network = restore(SHIPPED / manifest.EXPORTED).network
    network.s1[0][0].weight.data *= 255
    norm = nn.BatchNorm2d(network.s4[2].qkv.in_channels).eval()
    nn.init.constant_(norm.running_var, 1 - norm.eps)
    network.s4[2].norm = norm  # one that does nothing, for the export to fold
    return network


@pytest.fixture(scope="module")
def two_boards() -> Golden:
    return Golden(Golden.drawn().images[:2], "")


def scaled_by_127(network: PairDetector) -> None:
    network.s1[0][0].weight.data *= 255 / 127


def scaled_twice(network: PairDetector) -> None:
    network.s1[0][0].weight.data /= 255


def part_and_golden_swapped(network: PairDetector) -> None:
    network.s1[0][0].weight.data = network.s1[0][0].weight.data.flip(1)


@pytest.mark.parametrize("spoil", [scaled_by_127, scaled_twice, part_and_golden_swapped])
def test_an_export_that_is_normalised_wrongly_is_refused_before_any_server_starts(
    shipped: PairDetector, two_boards: Golden, tmp_path: Path, spoil: Callable[[PairDetector], None]
) -> None:
    (tmp_path / "1").mkdir()
    wrong = copy.deepcopy(shipped)
    spoil(wrong)
    export(wrong, tmp_path / manifest.EXPORTED)

    with pytest.raises(
        Disagreement, match=r"golden board \d+: torch and the export disagree about the .* channel order"
    ):
        check(shipped, tmp_path, Golden.drawn(), lambda _: None)


def judged(**highest: tuple[float, ...]) -> Parity:
    answers = {who: [seen((*BOX[:4], score, 2.0))[0] for score in scores] for who, scores in highest.items()}
    return Parity(Golden([], "f"), answers, {})


def test_no_board_may_be_good_to_one_and_bad_to_another_however_near_their_scores() -> None:
    assert judged(torch=(0.9, 0.1), triton=(0.8, 0.2)).at(0.5)["verdicts"] == {"threshold": 0.5, "defective_to_all": 1}
    with pytest.raises(Disagreement, match=r"golden board 1: torch and triton .* are 0\.4900 and 0\.5100"):
        judged(torch=(0.9, 0.49), triton=(0.9, 0.51)).at(0.5)
