"""Predictions next to their truth: what each place that the model names is, and what it missed."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from services.postprocessing.domain.candidate import Candidate, suppress
from tools.boards.board import LABELS
from tools.boards.deeppcb import DeepPcb
from tools.evaluate.figures import IOU
from tools.train.metrics import Array, boxes_of, hits

_NOTHING = 0.0


@dataclass(frozen=True)
class Place:
    """One place on a part, as the surest candidate there names it; `right`: there is a defect, of whatever class."""

    label: str
    score: float
    right: bool


@dataclass(frozen=True)
class Part:
    """One picture: its places, and for each of its true defects (class, score of the place that found it; 0: none)."""

    places: tuple[Place, ...]
    defects: tuple[tuple[str, float], ...]

    def of(self, label: str) -> "Part":
        """The part as if there were this class alone."""
        places = tuple(place for place in self.places if place.label == label)
        return Part(places, tuple(defect for defect in self.defects if defect[0] == label))

    def false_alarm(self) -> float:
        """The best score of a place where nothing is; 0 without one."""
        return max((place.score for place in self.places if not place.right), default=_NOTHING)


def read(predictions: Path, truth: DeepPcb, nms_iou: float) -> list[Part]:
    """The parts of a predictions file. Raises ValueError naming the line that is bad, or BoardError for the truth."""
    known = {entry.image: index for index, entry in enumerate(truth.entries)}
    found = []
    for source, said in _lines(predictions):
        if said["image"] not in known:
            raise ValueError(f"{source}: {said['image']} is not in {truth.split}; fix: the --split of that evaluation")
        pair = truth[known[said["image"]]]
        found.append(labelled(_candidates(source, said), boxes_of(pair), nms_iou))
    if not found:
        raise ValueError(f"{predictions}:1: holds no prediction; fix: write it with `jidoka evaluate --predictions`")
    return found


def labelled(candidates: Iterable[Candidate], truth: Array, nms_iou: float) -> Part:
    """One part as the judge sees it: class by class it may be wrong, but a place is a defect or it is none."""
    said = suppress(candidates, nms_iou)
    rows = np.array([(*c.box, c.score, LABELS.index(c.label)) for c in said], np.float32).reshape(-1, 6)
    right = hits(rows, truth, IOU, agnostic=True)
    places = tuple(Place(c.label, c.score, bool(hit)) for c, hit in zip(said, right, strict=True))
    return Part(places, tuple(_found(rows, truth, index) for index in range(len(truth))))


def _found(rows: Array, truth: Array, index: int) -> tuple[str, float]:
    """The score of the surest place that finds a defect, whichever other defects that place finds as well."""
    alone = truth[index : index + 1]
    right = hits(rows, alone, IOU, agnostic=True)
    return LABELS[int(alone[0, 4])], float(rows[right, 4].max(initial=_NOTHING))


def _lines(predictions: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, text in enumerate(predictions.read_text(encoding="utf-8").splitlines(), 1):
        source = f"{predictions}:{number}"
        try:
            said = json.loads(text)
            sizes = {len(said[key]) for key in ("boxes", "scores", "labels")}
            known = set(said["labels"]) <= set(LABELS) and isinstance(said["image"], str)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{source}: no prediction ({error}); fix: `jidoka evaluate --predictions`") from None
        if len(sizes) != 1 or not known:
            raise ValueError(f"{source}: boxes, scores and labels do not fit; fix: `jidoka evaluate --predictions`")
        yield source, said


def _candidates(source: str, said: dict[str, Any]) -> Sequence[Candidate]:
    rows = zip(said["labels"], said["boxes"], said["scores"], strict=True)
    try:
        found = [
            Candidate(label, (float(a), float(b), float(c), float(d)), float(s)) for label, (a, b, c, d), s in rows
        ]
    except (ValueError, TypeError):
        found = []
    if len(found) != len(said["labels"]) or not all(candidate.sound for candidate in found):
        raise ValueError(f"{source}: a box or a score is no number; fix: `jidoka evaluate --predictions`")
    return found
