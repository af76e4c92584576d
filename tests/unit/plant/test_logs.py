from pathlib import Path

import pytest

from tools.plant import logs


def test_a_log_stays_small_while_its_writer_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(logs, "LOG_BYTES", 1000)
    with logs.open_log(tmp_path, "chatty") as log:
        for number in range(1000):
            log.write(b"%09d\n" % number)
            log.flush()
            logs.bound_all(tmp_path)
    kept = logs.log_file(tmp_path, "chatty")

    assert kept.stat().st_size <= 1000
    lines = (kept.with_suffix(".log.1").read_bytes() + kept.read_bytes()).split()
    assert lines == [b"%09d" % number for number in range(1000 - len(lines), 1000)]
    assert len(lines) >= 100


def test_what_was_said_last_is_found(tmp_path: Path):
    with logs.open_log(tmp_path, "plant") as log:
        log.write(b"first\nlast words\n\n")

    assert logs.last_line(tmp_path, "plant") == "last words"
    assert logs.last_line(tmp_path, "nobody") == ""
