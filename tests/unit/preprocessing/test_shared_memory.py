"""Regions of shared memory belong to whoever holds their lock; process ids say nothing across containers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.preprocessing.adapters import shared_memory
from services.preprocessing.adapters.shared_memory import PREFIX, Slots

MAKE = """
import sys
from pathlib import Path
from services.preprocessing.adapters import shared_memory
shared_memory._FOLDER = Path(sys.argv[1])
slots = shared_memory.Slots(2, 4096)
print(slots.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for /dev/shm, where regions of other people's plants lie."""
    monkeypatch.setattr(shared_memory, "_FOLDER", tmp_path)
    return tmp_path


def another(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """A process with a region of its own, and the region's name."""
    command = [sys.executable, "-c", MAKE, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, process.stdout.readline().strip()


def ended(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_region_that_a_killed_process_left_is_removed_by_the_next(folder: Path) -> None:
    process, name = another(folder)
    ended(process)
    assert (folder / name).exists()

    slots = Slots(2, 4096)
    assert [path.name for path in folder.iterdir()] == [slots.name]
    slots.close()
    assert not list(folder.iterdir())


@pytest.mark.parametrize("pid", [1, os.getpid()], ids=["init of every container", "ours in an earlier life"])
def test_one_whose_process_id_lives_again_is_removed_as_well(folder: Path, pid: int) -> None:
    """In a container the service is process 1 in every life: nothing was ever removed, until /dev/shm was full."""
    stale = folder / f"{PREFIX}{pid}-0123abcd"
    stale.write_bytes(bytes(4096))

    Slots(1, 4096).close()

    assert not stale.exists()


def test_a_region_in_use_stays_also_when_its_process_is_not_to_be_seen_here(folder: Path) -> None:
    """Two pods with one /dev/shm do not see each other's processes: one deleted the other's frames."""
    process, name = another(folder)
    hidden = folder / f"{PREFIX}4194305-0123abcd"  # above every process id of Linux
    (folder / name).rename(hidden)
    try:
        Slots(1, 4096).close()
        assert hidden.exists()
    finally:
        ended(process)


def test_kills_in_a_row_leave_one_region_at_most(folder: Path) -> None:
    for _ in range(3):
        process, _ = another(folder)
        ended(process)

    assert len(list(folder.iterdir())) == 1


def test_a_region_that_is_not_ours_to_open_is_left_alone(folder: Path) -> None:
    (folder / f"{PREFIX}1-link").symlink_to(folder / "elsewhere")
    (folder / "elsewhere").write_text("somebody's")

    Slots(1, 4096).close()

    assert (folder / "elsewhere").read_text() == "somebody's"
