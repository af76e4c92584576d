"""The gate lets pass what agrees, and says who sees what differently on which board."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tools.train.export import export
from tools.train.gate import EXACT, ROUNDED, Disagreement, Golden, Tolerance, check, compare
from tools.train.metrics import Array
from tools.train.model import PairDetector


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
