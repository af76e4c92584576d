"""The predictions file: one JSON object a line, one line a picture, in the order of the split file."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tools.boards.board import LABELS
from tools.evaluate.cases import Case
from tools.train.metrics import Array


def write(path: Path, cases: Iterable[Case]) -> None:
    """Raises OSError."""
    path.write_text("".join(json.dumps(line(case.image, case.judged.found)) + "\n" for case in cases), encoding="utf-8")


def line(image: str, found: Array) -> dict[str, Any]:
    """Boxes x1 y1 x2 y2 in pixels of the part's picture, best first, each with its score 0..1 and its label."""
    return {
        "image": image,
        "boxes": [[round(side, 2) for side in row[:4]] for row in found.tolist()],
        "scores": [round(row[4], 6) for row in found.tolist()],
        "labels": [LABELS[int(row[5])] for row in found.tolist()],
    }
