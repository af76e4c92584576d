"""What a line scanner and its file format make of a board."""

import cv2
import numpy as np

from tools.boards.board import SIZE_PX, Image

_LEVEL = 98
"""Half way between copper and laminate once the noise (0..139, mean 70) is mixed in at equal parts."""


def scan(copper: Image, rng: np.random.Generator) -> Image:
    """Image (copper 0, laminate 255) of a copper mask uint8 [640, 640]; edges fray by half a pixel, then JPEG."""
    soft = cv2.GaussianBlur((1 - copper) * np.uint8(255), (0, 0), 0.9)
    noise = cv2.resize(rng.integers(0, 140, (SIZE_PX // 2, SIZE_PX // 2), np.uint8), (SIZE_PX, SIZE_PX))
    level = cv2.threshold(cv2.addWeighted(soft, 0.5, noise, 0.5, 0), _LEVEL, 255, cv2.THRESH_BINARY)[1]
    return jpeg(level.astype(np.uint8, copy=False), int(rng.integers(85, 97)))


def jpeg(image: Image, quality: int) -> Image:
    """The image after one JPEG round trip."""
    packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    restored = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
    assert restored is not None, "OpenCV cannot read what it has just written"
    return restored.astype(np.uint8, copy=False)
