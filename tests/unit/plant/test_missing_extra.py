"""A command whose extra is not installed says what to install (first-hour: a traceback for missing torch)."""

import sys

import pytest

from tools import cli


def test_a_package_that_is_not_installed_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys):
    def train() -> None:
        raise ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")

    monkeypatch.setattr(cli, "app", train)
    monkeypatch.setattr(sys, "argv", ["jidoka", "train", "--data", "x"])
    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "`jidoka train` needs torch" in said
    assert "pip install torch==" in said


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch):
    def broken() -> None:
        raise ModuleNotFoundError("No module named 'services.nowhere'", name="services.nowhere")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(ModuleNotFoundError):
        cli.main()
