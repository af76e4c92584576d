"""A fresh installation gets what the lock says, and only on the Pythons that CI installs on (first hour, point 5)."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_no_setting_of_ours_overrides_the_lock_when_it_is_installed():
    """[tool.uv] override-dependencies fetched the newest numpy, whatever was locked, and ended every 3.12 at once."""
    files = (ROOT / "Makefile", ROOT / "tools/installs-on", ROOT / ".ci/run")
    installs = [line for file in files for line in file.read_text().splitlines() if "uv pip install" in line]

    assert len(installs) >= 4
    assert [line for line in installs if "--no-config" not in line] == []


def test_the_pythons_that_we_name_are_those_that_ci_installs_on():
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    low, high = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", required).groups()
    others = re.findall(r"tools/installs-on 3\.(\d+)", (ROOT / ".ci/run").read_text())

    assert [*range(int(low), int(high))] == [11, *map(int, others)]


def test_nothing_is_installed_by_the_way():
    """apt-get runs when somebody says `make deps`, and never behind a person's back."""
    makefile = (ROOT / "Makefile").read_text()
    recipes = dict(re.findall(r"^([a-z-]+):[^\n]*\n((?:\t[^\n]*\n)+)", makefile, re.MULTILINE))

    assert "tools/deps install" in recipes["deps"]
    assert [name for name, recipe in recipes.items() if "deps install" in recipe] == ["deps"]
    assert "apt-get install" not in makefile
