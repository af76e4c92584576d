"""The old model or the new one, never none: not even where the file system cannot swap in one step."""

import ctypes
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools.train.exchange import exchange


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    old, new = tmp_path / "model", tmp_path / ".staged/model"
    for folder, name in ((old, "old"), (new, "new")):
        folder.mkdir(parents=True)
        (folder / name).touch()
    return old, new


@pytest.mark.parametrize("rename", ["in one step", "refused by the file system", "unknown to the system"])
def test_both_change_places(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, rename: str) -> None:
    if rename != "in one step":
        library = SimpleNamespace(renameat2=lambda *_: -1) if rename.startswith("refused") else SimpleNamespace()
        monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    old, new = folders

    exchange(old, new)

    assert [path.name for path in old.iterdir()] == ["new"]
    assert [path.name for path in new.iterdir()] == ["old"]
    assert [path.name for path in old.parent.iterdir() if not path.name.startswith(".")] == ["model"]


def test_what_was_there_stays_there_when_the_new_one_cannot_come(folders: tuple[Path, Path]) -> None:
    old, new = folders

    with pytest.raises(OSError, match="nowhere"):
        exchange(old, new.with_name("nowhere"))
    assert [path.name for path in old.iterdir()] == ["old"]
