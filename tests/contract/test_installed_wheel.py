"""An installed wheel brings along what inference needs; it leans on no checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHOW = """
from services.inference import settings
from services.inference.settings import Settings
print(settings.__file__)
print(Settings.model_fields["backend_dir"].get_default())
print(*sorted(name for name, field in Settings.model_fields.items() if field.is_required()))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel lies unpacked, far from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site-packages")
    return folder / "site-packages"


def test_the_backend_is_packaged_and_what_is_the_plants_own_must_be_said(installed: Path) -> None:
    """Defaults pointed at tools/ and deploy/ of a checkout: an installed service found neither."""
    environment = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", SHOW], cwd=installed, env=environment, capture_output=True, text=True, check=True
    )
    module, backend, required = done.stdout.splitlines()

    assert Path(module).is_relative_to(installed)
    assert Path(backend).is_relative_to(installed / "services/inference")
    assert (Path(backend) / "model.py").is_file()
    assert {"model_repository", "model_trust"} <= set(required.split())


def test_no_service_names_a_folder_of_the_checkout() -> None:
    """import-linter sees imports only; this is the same arrow by path."""
    leaning = ("tools/", '"tools"', '"deploy"', '"model_repository"')
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in (ROOT / "services/inference").rglob("*.py")
        for word in leaning
        if word in path.read_text()
    ]

    assert found == []
