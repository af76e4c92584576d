"""The repository's shape: what a new service lacks is named here, and nothing grows past a newcomer's reach."""

import re
import statistics
import tomllib
from pathlib import Path

import pytest

from services.contracts.scopes import SERVICE_SCOPES
from services.contracts.subjects import SERVICES
from tools.plant.spec import service_settings
from tools.plant.state import Ports

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = sorted(
    path.parent.name
    for path in (ROOT / "services").glob("*/__init__.py")
    if path.parent.name not in {"contracts", "chassis"}
)
MODULES = [p for top in ("services", "tools") for p in (ROOT / top).rglob("*.py")]
CHASSIS = {
    "__init__",
    "auth",
    "backoff",
    "broker_clock",
    "bus",
    "consumer",
    "crew",
    "errors",
    "follower",
    "health",
    "lease",
    "quiet",
    "reader",
    "route",
    "rpc",
    "run",
    "settings",
    "streams",
    "telemetry",
    "trouble",
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_service_stands_in_all_four_places(folder, tmp_path):
    """Folder, pyproject (extra, script, import rules), contracts (SERVICES, SERVICE_SCOPES), plant (spec.py)."""
    name = folder.replace("_", "-")
    project = PYPROJECT["project"]

    for file in ("__init__.py", "__main__.py", "app.py", "settings.py"):
        assert (ROOT / "services" / folder / file).exists(), f"place 1: services/{folder}/{file} is missing"
    assert name in project["optional-dependencies"], f"place 2: pyproject has no extra {name}"
    script = project["scripts"].get(f"jidoka-{name}")
    assert script == f"services.{folder}.__main__:main", f"place 2: pyproject has no script jidoka-{name}"
    for contract in PYPROJECT["tool"]["importlinter"]["contracts"][:3]:
        assert f"services.{folder}" in str(contract), f"place 2: the import rule '{contract['name']}' does not name it"
    assert name in SERVICES, "place 3: services/contracts/subjects.py: SERVICES does not name it"
    assert name in SERVICE_SCOPES, "place 3: services/contracts/scopes.py: SERVICE_SCOPES does not name it"
    assert service_settings(name, tmp_path, Ports()), "place 4: tools/plant/spec.py does not start it"


def test_contracts_name_no_service_that_is_not_there():
    assert sorted(s.replace("-", "_") for s in SERVICES) == FOLDERS


def test_modules_are_short():
    sizes = {path: len(path.read_text().splitlines()) for path in MODULES}
    longest = max(sizes, key=sizes.__getitem__)

    assert statistics.median(sizes.values()) <= 90
    assert sizes[longest] <= 320, f"{longest} has {sizes[longest]} lines: split it"


def test_the_chassis_knows_no_word_of_inspection():
    files = {path.stem: path.read_text() for path in (ROOT / "services" / "chassis").glob("*.py")}

    assert set(files) == CHASSIS, "a new chassis module needs three services that want it, and an edit here"
    for name, text in files.items():
        found = re.search(r"\b(frame|defect|verdict|inspection|plc|station|part_sequence)s?\b", text, re.IGNORECASE)
        allowed = name == "__init__" or found is None
        assert allowed, f"chassis/{name}.py says {found and found.group()!r}"


def test_no_module_is_a_junk_drawer():
    names = {path.stem for path in MODULES} | {path.parent.name for path in MODULES}

    assert not names & {"utils", "util", "common", "helpers", "misc", "base", "core"}


def test_the_readmes_eight_files_exist_and_can_be_read_in_half_an_hour():
    rows = re.findall(r"^\| [1-8] \| \[?`([^`]+)`", (ROOT / "README.md").read_text(), re.MULTILINE)

    assert len(rows) == 8
    assert sum(len((ROOT / row).read_text().splitlines()) for row in rows) <= 1_400


def test_no_registry_host_stands_in_any_file():
    """The plant has no internet, and the lock must not tie it to one index."""
    hosts = re.compile(r"(pypi|pythonhosted|npmjs|debian)\.(org|com)")
    files = (
        "requirements.lock",
        "pyproject.toml",
        "Makefile",
        "README.md",
        "CONTRIBUTING.md",
        "tools/lock",
        "tools/check",
    )
    looked = [*MODULES, *(ROOT / name for name in files)]

    assert [str(p) for p in looked if p.is_file() and hosts.search(p.read_text(errors="ignore"))] == []
