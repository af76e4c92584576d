"""Evidence as a picture: the part pale, what drove each box glowing, the box around it."""

from collections.abc import Sequence

import cv2
import numpy as np

from tools.boards.board import Image
from tools.explain.cam import FAINT, Evidence

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_BOX = (40, 40, 40)


def overlay(part: Image, evidence: Sequence[Evidence]) -> Image:
    """BGR uint8 [H, W, 3] of a part uint8 [H, W]."""
    pale = cv2.cvtColor((part // 4 + 180).astype(np.uint8, copy=False), cv2.COLOR_GRAY2BGR)
    heat = np.max([e.heat for e in evidence], axis=0) if evidence else np.zeros(part.shape, np.float32)
    glow = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_INFERNO)
    weight = np.where(heat > FAINT, 0.35 + 0.5 * heat, 0)[..., None]
    picture = ((1 - weight) * pale + weight * glow).astype(np.uint8)
    for e in evidence:
        x1, y1, x2, y2 = (round(side) for side in e.box)
        cv2.rectangle(picture, (x1, y1), (x2, y2), _BOX, 1)
        caption = f"{e.label} {e.score:.2f}"
        cv2.putText(picture, caption, (x1, max(12, y1 - 4)), _FONT, 0.45, _BOX, 1, cv2.LINE_AA)
    return picture
