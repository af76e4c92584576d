"""The last bad boards with their boxes, on one picture: what the operator would look at."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jidoka.verdict.v1 import verdict_pb2

from tools.demo.boards import Board

_COLUMNS = 4
_TILE_PX = 320
_CAPTION_PX = 26
_COLOURS = {
    "open": (60, 60, 230),
    "short": (40, 160, 250),
    "mousebite": (60, 200, 60),
    "spur": (220, 160, 40),
    "copper": (200, 70, 200),
    "pin-hole": (200, 200, 30),
}


def draw(failed: Sequence[tuple[Board, verdict_pb2.Verdict]], path: Path) -> None:
    """Write a PNG of up to eight boards with box, class and score."""
    tiles = [_tile(board, verdict) for board, verdict in failed[-2 * _COLUMNS :]]
    blank = np.full((_TILE_PX + _CAPTION_PX, _TILE_PX, 3), 32, np.uint8)
    tiles += [blank] * (-len(tiles) % _COLUMNS or (0 if tiles else _COLUMNS))
    rows = [np.hstack(tiles[i : i + _COLUMNS]) for i in range(0, len(tiles), _COLUMNS)]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.vstack(rows))


def _tile(board: Board, verdict: verdict_pb2.Verdict) -> np.ndarray:
    pixels = board.pixels()
    picture = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    for d in verdict.defects:
        colour = _COLOURS.get(d.label, (0, 0, 255))
        x1, y1, x2, y2 = (round(v) for v in (d.x1_px, d.y1_px, d.x2_px, d.y2_px))
        cv2.rectangle(picture, (x1, y1), (x2, y2), colour, 4)
        cv2.putText(
            picture, f"{d.label} {d.score:.2f}", (x1, max(20, y1 - 8)), cv2.FONT_HERSHEY_SIMPLEX, 0.7, colour, 2
        )
    picture = cv2.resize(picture, (_TILE_PX, _TILE_PX), interpolation=cv2.INTER_AREA)
    caption = np.full((_CAPTION_PX, _TILE_PX, 3), 32, np.uint8)
    cv2.putText(caption, verdict.inspection_id, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (230, 230, 230), 1, cv2.LINE_AA)
    return np.vstack([caption, picture])
