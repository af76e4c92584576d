"""A wrong registration is worse than none: it makes every edge a defect."""

import numpy as np
import pytest

from services.preprocessing.domain.registration import GoldenProfile, register, shift
from tools.boards.generator import golden, pair


@pytest.mark.parametrize("step", [(0, 3), (-2, 0), (5, -7), (-8, 8), (1, 1)])
def test_finds_a_known_shift(step: tuple[int, int]) -> None:
    image = golden(11)

    found = register(shift(image, *step), GoldenProfile.of(image))

    assert (found.dx, found.dy, found.accepted) == (*step, True)
    assert found.xor_after == 0


@pytest.mark.parametrize("seed", range(6))
def test_defects_and_edge_noise_do_not_disturb_it(seed: int) -> None:
    made = pair(seed, count=8)
    still = register(made.part, made.golden)

    moved = register(shift(made.part, 3, -2), made.golden)

    assert (moved.dx - still.dx, moved.dy - still.dy) == (3, -2)
    assert moved.accepted


def test_refuses_a_periodic_board_where_the_shift_does_not_help() -> None:
    # Stripes repeat every 6 px, so a shift by one period looks just as right; only the one mark tells them apart.
    golden_image = np.tile(np.repeat(np.array([0, 255], np.uint8), 3), (640, 107))[:, :640]
    part = golden_image.copy()
    part[200:260, 300:330] = 0

    found = register(part, golden_image)

    assert found.xor_after >= 0.95 * found.xor_before > 0
    assert (found.dx, found.dy, found.accepted) == (0, 0, False)


def test_blank_images_are_left_alone() -> None:
    blank = np.full((640, 640), 255, np.uint8)

    assert not register(blank, blank).accepted


def test_shift_repeats_the_border() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)

    assert shift(image, 1, -1).tolist() == [[4, 4, 5, 6], [8, 8, 9, 10], [8, 8, 9, 10]]


def test_sizes_must_agree() -> None:
    with pytest.raises(ValueError, match="same size"):
        register(np.zeros((4, 4), np.uint8), np.zeros((5, 4), np.uint8))
