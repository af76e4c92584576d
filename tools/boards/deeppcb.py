"""Reads DeepPCB (Tang et al. 2019, arXiv:1902.06197) from the folder that holds its `PCBData/`; nothing is copied."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import cv2

from tools.boards.board import LABELS, SIZE_PX, BoardError, Defect, Image, Pair


@dataclass(frozen=True)
class Entry:
    """One line of a split file: where the two images and the labels of a pair lie, and which line said so."""

    image: str
    """The pair as the split file names it."""
    name: str
    group: str
    part: Path
    golden: Path
    labels: Path
    source: str


class DeepPcb(Sequence[Pair]):
    """The pairs of one split file, read from disk when asked for.

    `root` holds `PCBData/`; `split` is relative to it, or stands anywhere else. A line of it is `<image>.jpg
    <labels>.txt`, or a bare image path whose labels are then looked for in the sibling folder `<dir>_not/` (no such
    file: no defects). Raises BoardError with `file:line` for a split file, an image or a label file that is bad.
    """

    def __init__(self, root: Path, split: str = "PCBData/trainval.txt", entries: Sequence[Entry] | None = None) -> None:
        self.root, self.split = root, split
        self.entries = list(_entries(root, split) if entries is None else entries)

    @property
    def groups(self) -> list[str]:
        """The board families present; boards of one family look alike, so validation holds out whole groups."""
        return sorted({entry.group for entry in self.entries})

    def only(self, groups: Collection[str]) -> "DeepPcb":
        """The pairs of these groups."""
        return DeepPcb(self.root, self.split, [entry for entry in self.entries if entry.group in groups])

    def without(self, groups: Collection[str]) -> "DeepPcb":
        """The pairs of all other groups."""
        return DeepPcb(self.root, self.split, [entry for entry in self.entries if entry.group not in groups])

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> list[Pair]: ...
    def __getitem__(self, index: int | slice) -> Pair | list[Pair]:
        if isinstance(index, slice):
            return [_load(entry) for entry in self.entries[index]]
        return _load(self.entries[index])


def _entries(root: Path, split: str) -> list[Entry]:
    path = next((path for path in (root / split, Path(split)) if path.is_file()), None)
    if path is None:
        raise BoardError(
            f"{root / split}:0: no such split file; --data or --images must name the folder that holds PCBData/"
        )
    bases = (path.parent, root / "PCBData", root)
    lines = path.read_text().splitlines()
    return [_entry(path, bases, number, line.split()) for number, line in enumerate(lines, 1) if line.strip()]


def _entry(split: Path, bases: Sequence[Path], number: int, fields: list[str]) -> Entry:
    source = f"{split}:{number}"
    image = Path(fields[0])
    if len(fields) > 2 or len(image.parts) < 2:
        raise BoardError(f"{source}: expected '<group>/<dir>/<id>.jpg [<labels>.txt]', got '{' '.join(fields)}'")
    stem = image.stem.removesuffix("_test").removesuffix("_temp")
    base = next((base for base in bases if (base / image.parent).is_dir()), split.parent)
    folder = base / image.parent
    labels = base / fields[1] if len(fields) == 2 else folder.with_name(folder.name + "_not") / f"{stem}.txt"
    if len(fields) == 2 and not labels.is_file():
        raise BoardError(f"{source}: no such label file {labels}")
    part, golden = (folder / f"{stem}_{kind}{image.suffix}" for kind in ("test", "temp"))
    return Entry(fields[0], stem, image.parts[0].removeprefix("group"), part, golden, labels, source)


def _load(entry: Entry) -> Pair:
    part, golden = _image(entry.part, entry.source), _image(entry.golden, entry.source)
    return Pair(entry.name, entry.group, part, golden, _defects(entry.labels) if entry.labels.is_file() else ())


def _image(path: Path, source: str) -> Image:
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise BoardError(f"{source}: cannot read image {path}")
    if grey.shape != (SIZE_PX, SIZE_PX):
        raise BoardError(f"{source}: {path} is {grey.shape[1]}x{grey.shape[0]} px, expected {SIZE_PX}x{SIZE_PX}")
    return grey.astype("uint8", copy=False)


def _defects(path: Path) -> tuple[Defect, ...]:
    lines = path.read_text().splitlines()
    return tuple(_defect(f"{path}:{number}", line) for number, line in enumerate(lines, 1) if line.strip())


def _defect(source: str, line: str) -> Defect:
    try:
        x1, y1, x2, y2, kind = (int(field) for field in line.replace(",", " ").split())
    except ValueError:
        raise BoardError(f"{source}: expected 'x1 y1 x2 y2 type', got '{line}'") from None
    if not 1 <= kind <= len(LABELS):
        raise BoardError(f"{source}: unknown class {kind}; DeepPCB has 1..{len(LABELS)}")
    if not (0 <= x1 < x2 <= SIZE_PX and 0 <= y1 < y2 <= SIZE_PX):
        raise BoardError(f"{source}: box {x1} {y1} {x2} {y2} is empty or outside the {SIZE_PX} px image")
    return Defect(LABELS[kind - 1], (x1, y1, x2, y2))
