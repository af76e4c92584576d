"""The ablation table: every variant is a real setting, a broken series goes on, and the rows are measured."""

from pathlib import Path

import pytest

from tools.boards.generator import pair
from tools.train.ablate import RAW, VARIANTS, ablate, short, table
from tools.train.config import load
from tools.train.learn import Pairs
from tools.train.team import assemble
from tools.train.validate import HeldOut

BASE = short(2) | {"batch": 2, "loader_processes": 0, "data": {"crop_px": 64}, "model": {"width": 0.25}}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_changes_the_plan(name: str) -> None:
    changed = load(None, short(100), VARIANTS[name])

    assert (changed == load(None, short(100))) is (name == "recipe")
    assert changed.steps == 100


def test_rows_are_measured_once_and_printed_in_order(tmp_path: Path) -> None:
    boards = [pair(seed) for seed in (1, 2)]
    pairs, told = Pairs(boards, boards, HeldOut.of(boards[:1]), ""), []
    with assemble() as team:
        for names in (["without attention"], ["recipe", "without attention"]):
            rows = ablate(BASE, names, pairs, team, tmp_path / "rows.json", told.append)

    assert [line.partition(":")[0] for line in told] == ["without attention", "recipe"]
    assert set(rows) == {"without attention", "recipe", RAW}
    assert all(0 <= figure <= 1 for row in rows.values() for figure in row.values())
    lines = table(rows).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| recipe", "| without attention", f"| {RAW}"]
