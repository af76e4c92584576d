"""Where and how a board goes wrong.

Three damages exist: a cut through, a bite from an edge, a hole inside. Done to copper they are open, mousebite and
pin-hole; done to the laminate between the copper they are short, spur and copper. That symmetry is the whole module.
"""

from collections.abc import Callable
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.boards.board import SIZE_PX, Image

_ATTEMPTS = 200
_EDGE_PX = 14
_VISIBLE_PX = 20
"""A flaw smaller than this drowns in the wander of the edges."""


class Material:
    """A mask of one material (uint8 [640, 640], 1 = present) and the measures that tell where it can be damaged."""

    def __init__(self, mask: Image) -> None:
        self.mask = mask
        self.depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)

    @cached_property
    def ridge(self) -> NDArray[np.intp]:
        """Flat indices of centre lines of strips 5 to 70 px wide."""
        crest = (self.depth >= cv2.dilate(self.depth, np.ones((3, 3), np.uint8))) & (self.depth > 2) & (self.depth < 35)
        return np.flatnonzero(crest)

    @cached_property
    def edge(self) -> NDArray[np.intp]:
        """Flat indices of the outermost pixels."""
        return np.flatnonzero((self.depth > 0) & (self.depth < 1.2))

    @cached_property
    def inside(self) -> NDArray[np.intp]:
        """Flat indices of the pixels at least 6 px away from the edge."""
        return np.flatnonzero(self.depth > 6)


Damage = Callable[[Material, np.random.Generator], Image | None]


def spoil(material: Material, damage: Damage, free: Image, rng: np.random.Generator) -> tuple[Image, Image]:
    """Finds a place for `damage` and returns (uint8 mask of the pixels lost, the box mask it now occupies).

    `free` marks where no other flaw is. Raises ValueError when the board offers no place.
    """
    for _ in range(_ATTEMPTS):
        lost = damage(material, rng)
        if lost is None:
            continue
        x, y, w, h = cv2.boundingRect(lost)
        window = slice(max(y - 20, 0), y + h + 20), slice(max(x - 20, 0), x + w + 20)
        inner = min(x, y) >= _EDGE_PX and max(x + w, y + h) <= SIZE_PX - _EDGE_PX
        if w and inner and free[window].all():
            occupied = np.zeros_like(lost)
            occupied[window] = 1
            return lost, occupied
    raise ValueError(f"the board has no place for {damage.__name__}")


def cut(material: Material, rng: np.random.Generator) -> Image | None:
    """A stroke straight across a strip along its shortest chord; None unless the strip really falls apart."""
    if (centre := _pick(material.ridge, rng)) is None:
        return None
    if material.depth[centre] > 12 and rng.random() < 0.8:
        return None
    if (chord := _shortest_chord(material.mask, centre)) is None:
        return None
    lost = _stroke(np.linspace(*chord, 4), int(rng.integers(3, 10)), rng) & material.mask
    return lost if _pieces(material.mask, lost) < _pieces(material.mask & (1 - lost), lost) else None


def bite(material: Material, rng: np.random.Generator) -> Image | None:
    """A nibble from the edge inwards, at most 60 % of the local width; None where it would cut through."""
    if (start := _pick(material.edge, rng)) is None:
        return None
    y, x = start
    window = material.depth[max(y - 4, 0) : y + 5, max(x - 4, 0) : x + 5]
    gradient = np.array([np.diff(window, axis=1).mean(), np.diff(window, axis=0).mean()])
    inward = gradient / (float(np.hypot(*gradient)) + 1e-6)
    room = _run(material.mask, np.array([x, y]) + inward, inward)
    reach = min(rng.uniform(5, 18), 0.6 * room)
    thick = int(rng.integers(3, 9))
    if reach < 4 or room < thick + 4:
        return None
    tip = np.array([x, y]) + inward * (reach - thick / 2) + rng.normal(0, 0.3 * reach, 2)
    lost = _speckle(_stroke(np.linspace([x, y], tip, 3), thick, rng) & material.mask, rng)
    same = _pieces(material.mask, lost) == _pieces(material.mask & (1 - lost), lost)
    return lost if same and cv2.countNonZero(lost) > _VISIBLE_PX else None


def hole(material: Material, rng: np.random.Generator) -> Image | None:
    """A blot or squiggle that touches no edge."""
    if (centre := _pick(material.inside, rng)) is None:
        return None
    thick = int(rng.integers(4, 13 if material.depth[centre] > 10 else 6))
    reach = min(float(material.depth[centre]) - thick / 2 - 3, rng.uniform(0, 16))
    if reach < 0:
        return None
    angle = rng.uniform(0, 2 * np.pi)
    tip = np.array(centre[::-1]) + reach * np.array([np.cos(angle), np.sin(angle)])
    lost = _speckle(_stroke(np.linspace(centre[::-1], tip, 3), thick, rng) & material.mask, rng)
    return lost if cv2.countNonZero(lost) > _VISIBLE_PX else None


def _pick(where: NDArray[np.intp], rng: np.random.Generator) -> tuple[int, int] | None:
    return divmod(int(rng.choice(where)), SIZE_PX) if where.size else None


def _run(mask: Image, origin: NDArray[np.float64], direction: NDArray[np.float64], limit: int = 45) -> int:
    """How many pixels the material goes on from `origin` (x, y) along `direction`; `limit` when it does not end."""
    path = np.rint(origin + np.outer(np.arange(limit), direction)).astype(int).clip(0, SIZE_PX - 1)
    gone = mask[path[:, 1], path[:, 0]] == 0
    return int(gone.argmax()) if gone.any() else limit


def _shortest_chord(mask: Image, centre: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    origin = np.array(centre[::-1], float)
    best: tuple[int, NDArray[np.float64], NDArray[np.float64]] | None = None
    for angle in np.linspace(0, np.pi, 12, endpoint=False):
        way = np.array([np.cos(angle), np.sin(angle)])
        there, back = _run(mask, origin, way), _run(mask, origin, -way)
        if best is None or there + back < best[0]:
            best = there + back, origin + way * (there + 1), origin - way * (back + 1)
    return best[1:] if best and best[0] < 80 else None


def _stroke(points: NDArray[np.float64], thick: int, rng: np.random.Generator) -> Image:
    mask = np.zeros((SIZE_PX, SIZE_PX), np.uint8)
    jitter = rng.normal(0, 1.5, points.shape)
    jitter[[0, -1]] = 0
    cv2.polylines(mask, [np.rint(points + jitter).astype(np.int32)], False, [1], thick)
    return mask


def _speckle(lost: Image, rng: np.random.Generator) -> Image:
    """One flaw in six is frayed, as scratched or half-etched copper is."""
    if rng.random() > 1 / 6:
        return lost
    x, y, w, h = cv2.boundingRect(lost)
    lost[y : y + h, x : x + w] &= rng.random((h, w)) < 0.75
    return lost


def _pieces(mask: Image, around: Image) -> int:
    x, y, w, h = cv2.boundingRect(around)
    window = mask[max(y - 5, 0) : y + h + 5, max(x - 5, 0) : x + w + 5]
    return int(cv2.connectedComponents(np.ascontiguousarray(window), connectivity=4)[0])
