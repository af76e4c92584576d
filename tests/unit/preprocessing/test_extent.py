"""That a box's sides go to the very pixel where a part changes, and stay where nothing says so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.preprocessing.domain.extent import ExtentLimits, tighten

LIMITS = ExtentLimits(margin_px=10, reach_px=2, contrast=128)
GOLDEN = np.zeros((100, 120), np.uint8)


def part_with(*flaws):
    """Flaws as first and last column and row."""
    part = GOLDEN.copy()
    for x1, y1, x2, y2 in flaws:
        part[y1 : y2 + 1, x1 : x2 + 1] = 255
    return part


@given(
    x=st.integers(12, 80),
    y=st.integers(12, 60),
    w=st.integers(3, 24),
    h=st.integers(3, 24),
    off=st.lists(st.floats(-2, 2), min_size=4, max_size=4),
)
def test_a_box_within_reach_becomes_exact(x, y, w, h, off):
    exact = np.array([x - 10, y - 10, x + w - 1 + 10, y + h - 1 + 10], float)
    tight = tighten(part_with((x, y, x + w - 1, y + h - 1)), GOLDEN, (exact + off)[None], LIMITS)

    assert np.allclose(tight[0], exact)


def test_a_side_further_away_than_the_reach_stays_the_models():
    given_box = np.array([[30.0, 30.0, 65.0, 59.5]])  # the right side is 6 px outside
    tight = tighten(part_with((40, 40, 49, 49)), GOLDEN, given_box, LIMITS)

    assert tight.tolist() == [[30.0, 30.0, 65.0, 59.0]]


def test_the_largest_thing_in_the_box_counts_and_not_its_neighbour():
    flaw, neighbour = (40, 40, 49, 49), (58, 40, 59, 42)
    tight = tighten(part_with(flaw, neighbour), GOLDEN, np.array([[30.6, 29.4, 58.9, 59.2]]), LIMITS)

    assert tight.tolist() == [[30, 30, 59, 59]]


@pytest.mark.parametrize("flaw", [[], [(40, 40, 41, 42)]])
def test_where_next_to_nothing_changed_the_box_stays(flaw):
    box = np.array([[30.6, 29.4, 58.9, 59.2]])

    assert tighten(part_with(*flaw), GOLDEN, box, LIMITS).tolist() == box.tolist()


def test_less_contrast_than_the_recipe_asks_for_is_no_change():
    faint = np.where(part_with((40, 40, 49, 49)), np.uint8(100), np.uint8(0))
    box = np.array([[30.6, 29.4, 58.9, 59.2]])

    assert tighten(faint, GOLDEN, box, LIMITS).tolist() == box.tolist()
    assert tighten(faint, GOLDEN, box, ExtentLimits(10, 2, 90)).tolist() == [[30, 30, 59, 59]]


def test_a_box_at_the_edge_or_outside_of_the_picture_is_no_error():
    boxes = np.array([[-5.0, -5.0, 12.0, 12.0], [200.0, 200.0, 220.0, 220.0]])

    assert tighten(part_with((0, 0, 3, 3)), GOLDEN, boxes, LIMITS).shape == (2, 4)
