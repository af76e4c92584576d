"""R8: a flood of the same line says once a second how many there were."""

import logging

import pytest

from services.chassis import errors, rpc
from services.chassis.quiet import Quiet


def test_the_first_of_a_kind_is_said_and_the_rest_of_its_second_only_counted():
    now_s = 0.0
    quiet = Quiet(1.0, lambda: now_s)
    said = [quiet.kept_back("exhausted") for _ in range(5)]
    other = quiet.kept_back("invalid")
    now_s = 1.5

    assert said == [0, None, None, None, None]
    assert other == 0
    assert quiet.kept_back("exhausted") == 4
    assert quiet.kept_back("exhausted") is None


def test_what_keeps_coming_is_said_once_a_second_with_all_that_was_kept_back():
    now_s = 0.0
    quiet = Quiet(1.0, lambda: now_s)
    lines = []
    for step in range(1_000):
        now_s = step / 100  # ten seconds, a hundred each
        if (more := quiet.kept_back("exhausted")) is not None:
            lines.append(more)

    assert len(lines) == 10
    assert sum(lines) + len(lines) == pytest.approx(1_000, abs=100)


def test_refused_calls_of_one_kind_fill_no_log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
    now_s = 100.0
    monkeypatch.setattr(rpc, "_quiet", Quiet(1.0, lambda: now_s))
    with caplog.at_level(logging.INFO, "jidoka.rpc"):
        for _ in range(1_000):
            rpc._expected("/Inspect", errors.Exhausted("32 frames are being inspected"))
        rpc._expected("/Inspect", errors.Invalid("the image is broken"))
        now_s = 102.0
        rpc._expected("/Inspect", errors.Exhausted("32 frames are being inspected"))

    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert said[2].endswith("(and 999 more like it)")
