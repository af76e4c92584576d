"""Where the demo's boards come from: our own generator, or a folder of real images in DeepPCB layout."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from tools.boards import generator
from tools.boards.board import LABELS, Defect, Image, Pair
from tools.boards.deeppcb import DeepPcb
from tools.boards.scan import jpeg

_BOARDS = 8
_SHIFT_PX = 2


@dataclass(frozen=True, eq=False)
class Board:
    """One part as the camera will see it, encoded, with the truth about it."""

    product_id: str
    image: bytes
    defects: tuple[Defect, ...]

    def pixels(self) -> Image:
        """The picture, uint8 [H, W]."""
        decoded = cv2.imdecode(np.frombuffer(self.image, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert decoded is not None, "we encoded it ourselves"
        return decoded.astype(np.uint8, copy=False)


class Source(Protocol):
    """Draws boards; the same number gives the same board."""

    def goldens(self) -> Mapping[str, bytes]:
        """The golden template of every product, as PNG."""
        ...

    def good(self, number: int) -> Board:
        """A board without defects."""
        ...

    def bad(self, number: int) -> Board:
        """A board with some defects."""
        ...

    def repeated(self, number: int) -> Board:
        """A board with the defect that keeps coming back."""
        ...


class Generated:
    """Boards of our own generator."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._repeated = LABELS[seed % len(LABELS)]

    def goldens(self) -> Mapping[str, bytes]:
        """Eight products."""
        return {f"board-{self._board(n)}": _png(generator.golden(self._board(n))) for n in range(_BOARDS)}

    def good(self, number: int) -> Board:
        """A part off its template by what a machine leaves."""
        return self._draw(number, [], None)

    def bad(self, number: int) -> Board:
        """One to three defects of any class."""
        return self._draw(number, list(LABELS), 1 + number % 3)

    def repeated(self, number: int) -> Board:
        """One defect, always of the same class."""
        return self._draw(number, [self._repeated], 1)

    def _board(self, number: int) -> int:
        return self._seed * 1000 + number % _BOARDS

    def _draw(self, number: int, labels: list[str], count: int | None) -> Board:
        board = self._board(number)
        pair = generator.pair(self._seed * 100_000 + number, labels, count, board)
        return Board(f"board-{board}", _png(pair.part), pair.defects)


class Photographed:
    """Real pairs: the part as it is, its golden template as the good part (moved and re-compressed)."""

    def __init__(self, root: Path, split: str, seed: int) -> None:
        self._pairs = DeepPcb(root, split)
        if not len(self._pairs):
            raise ValueError(f"{root / split} names no boards")
        self._order = np.random.default_rng(seed).permutation(len(self._pairs))
        self._seed = seed
        counts = {label: [] for label in LABELS}  # type: dict[str, list[int]]
        for index in self._order[:400].tolist():
            for label in {defect.label for defect in self._pairs[index].defects}:
                counts[label].append(index)
        self._label = max(counts, key=lambda label: len(counts[label]))
        self._with_label = counts[self._label]
        if not self._with_label:
            raise ValueError(f"{root / split} names no board with a defect")
        self._used: dict[str, bytes] = {}

    def goldens(self) -> Mapping[str, bytes]:
        """The templates of the boards drawn so far."""
        return self._used

    def good(self, number: int) -> Board:
        """The template itself, off by up to 2 px, through one more JPEG."""
        pair = self._pair(int(self._order[number % len(self._order)]))
        rng = np.random.default_rng((self._seed, number))
        dx, dy = (int(step) for step in rng.integers(-_SHIFT_PX, _SHIFT_PX + 1, 2))
        move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        moved = cv2.warpAffine(pair.golden, move, pair.golden.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
        return Board(_product(pair), _png(jpeg(moved.astype(np.uint8, copy=False), int(rng.integers(60, 95)))), ())

    def bad(self, number: int) -> Board:
        """A real part with all its defects."""
        return self._real(int(self._order[number % len(self._order)]))

    def repeated(self, number: int) -> Board:
        """A real part that has the most frequent class among its defects."""
        return self._real(self._with_label[number % len(self._with_label)])

    def _real(self, index: int) -> Board:
        pair = self._pair(index)
        return Board(_product(pair), _png(pair.part), pair.defects)

    def _pair(self, index: int) -> Pair:
        pair = self._pairs[index]
        self._used.setdefault(_product(pair), _png(pair.golden))
        return pair


def _product(pair: Pair) -> str:
    return f"{pair.group}-{pair.name}"


def _png(image: Image) -> bytes:
    return bytes(cv2.imencode(".png", image)[1].tobytes())
