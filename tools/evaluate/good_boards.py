"""Golden images in the place of parts: on every one of them any alarm is false."""

import cv2
import numpy as np

from services.preprocessing.domain.registration import shift
from tools.boards.board import Image

_STEPS_PX = (-3, -2, -1, 1, 2, 3)
_JPEG_QUALITY = (40, 90)


def good_boards(golden: Image, encoded: bytes, number: int) -> dict[str, bytes]:
    """Encoded good parts by how they came about; the same `number` gives the same ones.

    `same` is the golden file itself; `shifted` lies 1 to 3 px off in x and y; `recompressed` went through a JPEG of
    quality 40 to 90; `retaken` did both.
    """
    rng = np.random.default_rng(number)
    dx, dy = (int(step) for step in rng.choice(_STEPS_PX, 2))
    quality = int(rng.integers(_JPEG_QUALITY[0], _JPEG_QUALITY[1] + 1))
    moved = shift(golden, dx, dy)
    return {
        "same": encoded,
        "shifted": _encoded(moved, ".png"),
        "recompressed": _encoded(golden, ".jpg", cv2.IMWRITE_JPEG_QUALITY, quality),
        "retaken": _encoded(moved, ".jpg", cv2.IMWRITE_JPEG_QUALITY, quality),
    }


def _encoded(image: Image, suffix: str, *options: int) -> bytes:
    return bytes(cv2.imencode(suffix, image, options)[1].tobytes())
