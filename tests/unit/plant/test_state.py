import json
import os
import stat
import threading
from pathlib import Path

import psutil
import pytest

from tools.plant import logs
from tools.plant.keep import private, secret
from tools.plant.logs import open_log
from tools.plant.state import PartState, PlantState, read_state


def known(root: Path, **fields) -> PlantState:
    created = psutil.Process().create_time()
    return PlantState(root=root, source=root / "p.yaml", **{"pid": os.getpid(), "created": created} | fields)


def test_a_reader_never_sees_half_a_state_while_it_is_written(tmp_path: Path):
    small = known(tmp_path)
    big = known(tmp_path, reason="x" * 200_000)
    small.write()
    seen, stop = set(), threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(len(json.loads((tmp_path / "plant.json").read_text())["reason"]))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(100):
        big.write()
        small.write()
    stop.set()
    reader.join()

    assert seen <= {0, 200_000}
    assert [file.name for file in tmp_path.iterdir()] == ["plant.json"]


def test_a_state_comes_back_as_it_was_written(tmp_path: Path):
    part = PartState(phase="healthy", pid=7, since=1.5, restarts=2, gate="tcp://127.0.0.1:1", url="nats://127.0.0.1:1")
    written = known(tmp_path, ports={"nats": 1}, parts={"nats": part})
    written.write()

    assert read_state(tmp_path) == written
    assert written.url("nats") == "nats://127.0.0.1:1"


def test_no_state_and_a_state_of_another_version_are_none(tmp_path: Path):
    assert read_state(tmp_path) is None
    (tmp_path / "plant.json").write_text('{"version": 7}')
    assert read_state(tmp_path) is None


def test_a_pid_that_was_given_to_another_process_is_not_the_supervisor(tmp_path: Path):
    assert known(tmp_path).running()
    assert not known(tmp_path, created=psutil.Process().create_time() - 3600).running()


def test_a_secret_is_made_once_for_its_owner_only(tmp_path: Path):
    path = tmp_path / "secrets" / "nats"
    made = secret(path)

    assert secret(path) == made
    assert len(made) > 40
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_private_file_is_replaced_and_stays_private(tmp_path: Path):
    path = tmp_path / "nats.conf"
    path.write_text("old")
    path.chmod(0o644)
    private(path, "new")

    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_big_log_is_set_aside_at_the_next_start_and_a_small_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(logs, "LOG_BYTES", 11)
    for text in (b"old\nfirst line\n", b"2\n", b"3\n"):
        with open_log(tmp_path, "nats") as log:
            log.write(text)

    assert (tmp_path / "logs" / "nats.log").read_bytes() == b"2\n3\n"
    assert (tmp_path / "logs" / "nats.log.1").read_bytes() == b"first line\n"
