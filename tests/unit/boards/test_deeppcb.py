"""The reader says which line of which file is wrong: a data set of thousands of files is otherwise hopeless to mend."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tools.boards.board import BoardError, Defect
from tools.boards.deeppcb import DeepPcb
from tools.boards.generator import pair


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two generated pairs in DeepPCB's folders, one per group; the second in colour, as 62 of DeepPCB's are."""
    lines = []
    for group, colour in (("00001", False), ("00002", True)):
        images, labels = tmp_path / f"PCBData/group{group}/{group}", tmp_path / f"PCBData/group{group}/{group}_not"
        images.mkdir(parents=True)
        labels.mkdir()
        made = pair(int(group), ["spur"])
        for kind, image in (("test", made.part), ("temp", made.golden)):
            cv2.imwrite(str(images / f"{group}000_{kind}.jpg"), np.dstack([image] * 3) if colour else image)
        (labels / f"{group}000.txt").write_text("10 20 40 50 4\n")
        lines.append(f"group{group}/{group}/{group}000.jpg group{group}/{group}_not/{group}000.txt")
    (tmp_path / "PCBData/trainval.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def labels_of(root: Path) -> Path:
    return root / "PCBData/group00001/00001_not/00001000.txt"


def test_reads_pairs_in_grey(root: Path) -> None:
    pairs = DeepPcb(root)[:]

    assert [p.group for p in pairs] == ["00001", "00002"]
    assert all(image.shape == (640, 640) and image.dtype == np.uint8 for p in pairs for image in (p.part, p.golden))
    assert pairs[0].defects == (Defect("spur", (10, 20, 40, 50)),)


def test_groups_can_be_held_out(root: Path) -> None:
    data = DeepPcb(root)

    assert data.without(["00001"]).groups == data.only(["00002"]).groups == ["00002"]


def test_a_bare_image_path_finds_its_labels(root: Path) -> None:
    (root / "PCBData/bare.txt").write_text("group00001/00001/00001000.jpg\n")

    assert len(DeepPcb(root, "PCBData/bare.txt")[0].defects) == 1


def test_missing_split_says_what_data_must_name(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match=r"trainval.txt:0: .*--data"):
        DeepPcb(tmp_path)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("10 20 40 50 7", "unknown class 7"),
        ("10 20 40 700 1", "outside"),
        ("40 20 40 50 1", "empty"),
        ("10 20 40", "expected 'x1 y1 x2 y2 type'"),
    ],
)
def test_bad_label_is_named_with_file_and_line(root: Path, line: str, complaint: str) -> None:
    labels_of(root).write_text(f"10 20 40 50 4\n{line}\n")

    with pytest.raises(BoardError, match=rf"00001000.txt:2: .*{complaint}"):
        DeepPcb(root)[0]


def test_broken_image_is_named_with_split_and_line(root: Path) -> None:
    (root / "PCBData/group00002/00002/00002000_test.jpg").write_bytes(b"\xff\xd8 not a picture")

    with pytest.raises(BoardError, match=r"trainval.txt:2: cannot read image .*00002000_test.jpg"):
        DeepPcb(root)[1]


def test_wrong_size_is_named(root: Path) -> None:
    cv2.imwrite(str(root / "PCBData/group00001/00001/00001000_temp.jpg"), np.zeros((64, 32), np.uint8))

    with pytest.raises(BoardError, match="is 32x64 px, expected 640x640"):
        DeepPcb(root)[0]


def test_a_split_file_may_stand_outside_the_data(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("mine") / "test.txt"
    (root / "PCBData/trainval.txt").rename(elsewhere)

    assert [pair.name for pair in DeepPcb(root, str(elsewhere))] == ["00001000", "00002000"]
