"""The generator is the ground truth of the demo: it must repeat itself and never lie about a defect."""

import cv2
import numpy as np
import pytest

from services.preprocessing.domain.registration import register, shift
from tools.boards.board import LABELS
from tools.boards.generator import golden, pair
from tools.boards.layout import layout


def test_same_seed_same_pair() -> None:
    first, second = pair(7), pair(7)

    assert np.array_equal(first.part, second.part)
    assert np.array_equal(first.golden, golden(7))
    assert first.defects == second.defects


def test_another_part_of_the_same_board_shares_its_golden() -> None:
    first, second = pair(1, board=5), pair(2, board=5)

    assert np.array_equal(first.golden, second.golden)
    assert not np.array_equal(first.part, second.part)


@pytest.mark.parametrize("label", LABELS)
def test_box_holds_the_change_and_nothing_else_changed(label: str) -> None:
    for seed in range(8):
        made = pair(seed, [label])
        found = register(made.part, made.golden)
        aligned = shift(made.golden, found.dx, found.dy)
        # A flaw is thicker than what the scanner's noise does to an edge.
        changed = cv2.morphologyEx((made.part ^ aligned) >> 7, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))[8:-8, 8:-8]
        ((x1, y1, x2, y2),) = [defect.box for defect in made.defects]
        inside = changed[y1 - 8 : y2 - 8, x1 - 8 : x2 - 8]

        assert made.defects[0].label == label
        assert inside.sum() > 0
        assert inside.sum() == changed.sum()


def test_copper_grows_and_shrinks_as_the_label_says() -> None:
    def gained(label: str) -> int:
        made = pair(3, [label])
        found = register(made.part, made.golden)
        x1, y1, x2, y2 = made.defects[0].box
        aligned = shift(made.golden, found.dx, found.dy)
        dark = [int((image[y1:y2, x1:x2] < 128).sum()) for image in (made.part, aligned)]
        return dark[0] - dark[1]

    assert all(gained(label) < 0 for label in ("open", "mousebite", "pin-hole"))
    assert all(gained(label) > 0 for label in ("short", "spur", "copper"))


def test_good_board_has_no_defects() -> None:
    assert pair(4, []).defects == ()


def test_count_draws_from_the_labels() -> None:
    assert [d.label for d in pair(5, ["spur", "open"], 4).defects].count("copper") == 0
    assert len(pair(5, ["spur", "open"], 4).defects) == 4


def test_unknown_label_is_named() -> None:
    with pytest.raises(ValueError, match="scratch"):
        pair(0, ["scratch"])


def test_layout_cannot_be_changed_by_its_reader() -> None:
    with pytest.raises(ValueError, match="read-only"):
        layout(0)[0, 0] = 1
