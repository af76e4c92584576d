"""Draws the copper of an imaginary board: pours, bundles of traces with 45 degree bends, pad rows, drilled vias."""

from collections.abc import Callable
from functools import lru_cache
from math import pi, tan

import cv2
import numpy as np

from tools.boards.board import SIZE_PX, Image

_MITRE = tan(pi / 8)
"""Shift of a 45 degree bend per unit of lane offset that keeps parallel lanes evenly spaced."""

Draw = Callable[[Image, int], None]
"""Draws a shape, grown by some pixels, as ones into a mask."""


@lru_cache(maxsize=16)
def layout(seed: int) -> Image:
    """The ideal copper mask of board `seed`: uint8 [640, 640], 1 = copper, read-only. The same seed, the same board."""
    rng = np.random.default_rng((seed, 0))
    canvas = _Canvas(clearance=int(rng.integers(5, 15)))
    ground = int(rng.random() < 0.25)
    canvas.copper[:] = ground
    for _ in range(rng.integers(1, 5)):
        _pour(canvas.copper, rng, 1 - ground)
    width = int(rng.integers(5, 15))
    canvas.place(_bundle(rng, width, lanes=3), np.zeros_like(canvas.copper))
    for _ in range(rng.integers(12, 50)):
        canvas.add(rng, width)
    # What two neighbouring moats leave between them is no copper a board house would make.
    copper = cv2.morphologyEx(canvas.copper, cv2.MORPH_OPEN, np.ones((4, 4), np.uint8)).astype(np.uint8, copy=False)
    copper.setflags(write=False)
    return copper


class _Canvas:
    """Copper so far, and what of it is taken by nets that a later one must keep clear of."""

    def __init__(self, clearance: int) -> None:
        self.clearance = clearance
        self.copper = np.zeros((SIZE_PX, SIZE_PX), np.uint8)
        self.taken = np.zeros((SIZE_PX, SIZE_PX), np.uint8)

    def add(self, rng: np.random.Generator, width: int) -> None:
        holes = np.zeros_like(self.copper)
        kind = rng.random()
        if kind < 0.45:
            lane = int(rng.integers(20, 60)) if rng.random() < 0.2 else width
            self.place(_bundle(rng, lane, lanes=int(rng.integers(1, 9)) if lane == width else 1), holes)
        elif kind < 0.7:
            self.place(_pads(rng, width), holes)
        else:
            self.place(_via(rng, holes), holes)

    def place(self, draw: Draw, holes: Image) -> None:
        """Lays a net with its clearance, cutting into pours as a real pour would be cut; dropped where nets collide."""
        moat = np.zeros_like(self.copper)
        draw(moat, self.clearance)
        if cv2.countNonZero(cv2.bitwise_and(moat, self.taken)):
            return
        net = np.zeros_like(self.copper)
        draw(net, 0)
        self.copper[moat > 0] = 0
        self.copper |= net
        self.copper[holes > 0] = 0
        self.taken |= moat


def _pour(copper: Image, rng: np.random.Generator, value: int) -> None:
    """Fills an octagon at least 100 px wide, with copper (1) or, on a board that is all copper, with laminate (0)."""
    x1, y1 = rng.integers(-60, SIZE_PX - 160, 2).tolist()
    x2, y2 = x1 + int(rng.integers(160, 420)), y1 + int(rng.integers(160, 420))
    cut = int(rng.integers(5, 50))
    outline = [(x1 + cut, y1), (x2 - cut, y1), (x2, y1 + cut), (x2, y2 - cut)]
    outline += [(x2 - cut, y2), (x1 + cut, y2), (x1, y2 - cut), (x1, y1 + cut)]
    cv2.fillPoly(copper, [np.array(outline, np.int32)], [value])


def _bundle(rng: np.random.Generator, width: int, lanes: int) -> Draw:
    """Parallel traces that run straight, jog by 45 degrees and run on, across the board or ending in pads."""
    pitch = int(width * rng.uniform(1.8, 3.2)) + 3
    start, end = (-20, SIZE_PX + 20) if rng.random() < 0.5 else np.sort(rng.integers(0, SIZE_PX, 2))
    bend, jog = int(rng.integers(start, end + 1)), int(rng.integers(-160, 161))
    base, upright, padded = int(rng.integers(10, SIZE_PX - 10)), rng.random() < 0.5, rng.random() < 0.5
    pad = int(width * rng.uniform(0.8, 1.1))

    def draw(mask: Image, grow: int) -> None:
        for lane in range(lanes):
            offset = lane * pitch
            x = bend - int(np.sign(jog) * offset * _MITRE)
            points = np.array([(start, base + offset), (x, base + offset)], np.int32)
            tail = np.array([(x + abs(jog), base + offset + jog), (end + abs(jog), base + offset + jog)], np.int32)
            points = np.concatenate([points, tail])[:, :: -1 if upright else 1]
            cv2.polylines(mask, [points], False, [1], width + 2 * grow)
            if padded:
                cv2.circle(mask, points[0].tolist(), pad + grow, [1], -1)
                cv2.circle(mask, points[-1].tolist(), pad + grow, [1], -1)

    return draw


def _pads(rng: np.random.Generator, width: int) -> Draw:
    """A row of rectangular pads, each with or without a short trace."""
    count, stub = int(rng.integers(1, 7)), int(rng.integers(0, 80))
    wide, tall = int(rng.integers(width + 6, 60)), int(rng.integers(16, 110))
    gap, (x0, y0) = int(rng.integers(14, 40)), rng.integers(0, SIZE_PX, 2).tolist()
    upright = rng.random() < 0.5

    def draw(mask: Image, grow: int) -> None:
        for index in range(count):
            left = x0 + index * (wide + gap)
            middle = left + wide // 2
            corners = np.array([(left, y0), (left + wide, y0 + tall), (middle, y0 + tall // 2), (middle, y0 - stub)])
            first, second, centre, tip = corners[:, :: -1 if upright else 1].tolist()
            cv2.rectangle(mask, (first[0] - grow, first[1] - grow), (second[0] + grow, second[1] + grow), [1], -1)
            cv2.line(mask, centre, tip, [1], width + 2 * grow)

    return draw


def _via(rng: np.random.Generator, holes: Image) -> Draw:
    """A drilled round pad; its hole is drawn into `holes` at once."""
    centre, radius = rng.integers(0, SIZE_PX, 2).tolist(), int(rng.integers(9, 30))
    cv2.circle(holes, centre, int(radius * rng.uniform(0.3, 0.6)), [1], -1)

    def draw(mask: Image, grow: int) -> None:
        cv2.circle(mask, centre, radius + grow, [1], -1)

    return draw
