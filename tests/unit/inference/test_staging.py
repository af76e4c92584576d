"""The private copies: exactly what was signed, hashed where nobody else writes, and gone when their owner is."""

import contextlib
import hashlib
import itertools
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.chassis.errors import Conflict, Denied, Exhausted
from services.inference.adapters import staging as staging_module
from services.inference.adapters.model_folders import ModelFolders
from services.inference.adapters.served_config import parse
from services.inference.adapters.staging import Staging
from services.inference.adapters.trust import TrustedKeys
from tools.train.sign import sign, signing_key

HOLD = """
import sys
from pathlib import Path
from services.inference.adapters.model_folders import ModelFolders
from services.inference.adapters.staging import Staging
from services.inference.adapters.trust import TrustedKeys
root = Path(sys.argv[1])
staging = Staging(root / "staging", ModelFolders(root / "models", TrustedKeys(root / "trust")))
print(staging.stage("pcb").name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "models/pcb"
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").write_text('backend: "onnxruntime"\nmax_batch_size: 8\n')
    (folder / "labels.txt").write_text("open\nshort\n")
    (folder / "MODEL_CARD.md").write_text("about it")
    signed(folder, b"network")
    return folder


def signed(folder: Path, network: bytes, version: str = "1") -> None:
    (folder / version).mkdir(exist_ok=True)
    (folder / version / "model.onnx").write_bytes(network)
    names = [*(path.relative_to(folder).as_posix() for path in folder.glob("*/model.onnx")), "labels.txt"]
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    root = folder.parents[1]
    sign(folder, {"name": folder.name, "files": files}, signing_key(root / "key.pem", root / "trust"))


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[Staging]:
    folders = ModelFolders(tmp_path / "models", TrustedKeys(tmp_path / "trust"))
    with contextlib.closing(Staging(tmp_path / "staging", folders)) as staging:
        yield staging


def test_a_copy_holds_what_was_signed_and_a_configuration_of_ours_and_nobody_may_write_it(model, staging) -> None:
    staged = staging.stage("pcb")

    copy, digest = staging.repository / staged.name, hashlib.sha256(b"network").hexdigest()
    assert (staged.name, staged.digest, staged.version) == (f"pcb.{digest[:8]}", digest, "1")
    assert staged.labels == ("open", "short")
    assert {path.relative_to(copy).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in copy.rglob("*")} == {
        "1": 0o500,
        "1/model.onnx": 0o400,
        "config.pbtxt": 0o400,
        "labels.txt": 0o400,
    }
    assert stat.S_IMODE(copy.stat().st_mode) == 0o500
    assert stat.S_IMODE(copy.parents[1].stat().st_mode) == 0o700
    assert parse(copy / "config.pbtxt").default_model_filename == "model.onnx"
    assert not copy.is_symlink()
    staging.check(staged)


def test_s10_what_is_changed_between_check_and_copy_is_not_what_arrives(model, staging, monkeypatch) -> None:
    copied = staging_module._copied

    def swap(release, place):
        (model / "1/model.onnx").write_bytes(b"another network")
        return copied(release, place)

    monkeypatch.setattr(staging_module, "_copied", swap)
    with pytest.raises(Denied, match=r"1/model\.onnx changed meanwhile"):
        staging.stage("pcb")
    assert not list(staging.repository.iterdir())


def test_s10_a_link_that_takes_the_files_place_is_not_followed(model, staging, monkeypatch, tmp_path) -> None:
    copied = staging_module._copied

    def swap(release, place):
        (tmp_path / "same").write_bytes(b"network")
        (model / "1/model.onnx").unlink()
        (model / "1/model.onnx").symlink_to(tmp_path / "same")
        return copied(release, place)

    monkeypatch.setattr(staging_module, "_copied", swap)
    with pytest.raises(Exhausted, match="cannot copy it"):
        staging.stage("pcb")


@pytest.mark.parametrize("change", ["content", "more", "less", "link", "configuration"])
def test_a_copy_that_was_changed_is_noticed(model, staging, change: str) -> None:
    staged = staging.stage("pcb")
    copy = staging.repository / staged.name
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o700)
    match change:
        case "content":
            (copy / "1/model.onnx").write_bytes(b"another network")
        case "more":
            (copy / "1/model.py").write_text("pass")
        case "less":
            (copy / "labels.txt").unlink()
        case "link":
            (copy / "2").symlink_to("/tmp")
        case "configuration":
            (copy / "config.pbtxt").write_text('backend: "python"')

    with pytest.raises(Denied, match="was changed"):
        staging.check(staged)
    staging.forget(staged)
    staging.check(staging.stage("pcb"))


def test_a_copy_that_is_served_waits_with_a_new_configuration_until_it_is_made_anew(model, staging) -> None:
    """It has proved that it loads; a slip in the configuration must not end that with Triton's next life."""
    staged = staging.stage("pcb")
    (model / "config.pbtxt").write_text('backend: "onnxruntime"\nmax_batch_size: 4\n')

    assert staging.stage("pcb") == staged
    assert parse(staging.repository / staged.name / "config.pbtxt").max_batch_size == 8
    staging.forget(staged)
    assert parse(staging.repository / staging.stage("pcb").name / "config.pbtxt").max_batch_size == 4


def test_new_labels_come_with_the_same_network(model, staging) -> None:
    before = staging.stage("pcb")
    (model / "labels.txt").write_text("open\nbridge\n")
    signed(model, b"network")

    after = staging.stage("pcb")
    assert (after.name, after.labels) == (before.name, ("open", "bridge"))
    staging.check(after)


def test_another_network_lies_beside_the_first_under_a_name_of_its_own(model, staging) -> None:
    first = staging.stage("pcb")
    signed(model, b"a better network", "2")
    second = staging.stage("pcb")

    assert second.version == "2"
    assert first.name != second.name
    for staged in (first, second):
        staging.check(staged)
    staging.forget(first)
    staging.forget(first)
    assert [path.name for path in staging.repository.iterdir()] == [second.name]


def test_models_that_are_copied_at_the_same_time_do_not_disturb_each_other(model, staging) -> None:
    """Each model's watch works in a thread of its own."""
    for name in ("second", "third", "fourth"):
        shutil.copytree(model, model.with_name(name))
        signed(model.with_name(name), name.encode() * 500_000)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(staging.stage, ["pcb", "second", "third", "fourth"]))

    for staged in found:
        staging.check(staged)


def test_the_stamp_changes_with_the_model_and_with_the_keys_and_else_stays(model, staging, tmp_path) -> None:
    stamps = [staging.stamp("pcb")]
    assert staging.stamp("pcb") == stamps[0]
    (model / "2").mkdir()
    stamps.append(staging.stamp("pcb"))
    (model / "config.pbtxt").write_text("# another")
    stamps.append(staging.stamp("pcb"))
    next((tmp_path / "trust").glob("*.pem")).unlink()
    stamps.append(staging.stamp("pcb"))

    assert all(one != other for one, other in itertools.pairwise(stamps))
    assert staging.stamp("no such model") is not None


def test_one_folder_is_one_services_and_what_a_killed_one_left_goes(model, staging, tmp_path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    left = process.stdout.readline().strip()
    try:
        with pytest.raises(Conflict, match="another service uses"):
            staging.stage("pcb")
    finally:
        process.kill()
        process.communicate()
    signed(model, b"a better network")

    staged = staging.stage("pcb")
    assert left != staged.name
    assert [path.name for path in staging.repository.iterdir()] == [staged.name]


def test_a_triton_of_others_keeps_what_it_serves_and_its_group_may_read(model, tmp_path) -> None:
    folders = ModelFolders(tmp_path / "models", TrustedKeys(tmp_path / "trust"))
    first = Staging(tmp_path / "staging", folders, keep=True)
    staged = first.stage("pcb")
    copy = first.repository / staged.name
    inode = copy.stat().st_ino
    first.close()

    with contextlib.closing(Staging(tmp_path / "staging", folders, keep=True)) as again:
        assert again.stage("pcb") == staged
    assert copy.stat().st_ino == inode
    assert stat.S_IMODE(copy.stat().st_mode) == 0o550
    assert stat.S_IMODE((copy / "1/model.onnx").stat().st_mode) == 0o440


def test_a_file_that_cannot_be_read_is_the_models_trouble_and_not_the_services(model, staging, monkeypatch) -> None:
    def unreadable(*_: object) -> None:
        raise PermissionError(13, "Permission denied", os.fspath(model))

    monkeypatch.setattr(staging_module, "_copied", unreadable)
    with pytest.raises(Exhausted, match="Permission denied"):
        staging.stage("pcb")
