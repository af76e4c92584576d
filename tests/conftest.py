"""Options for all tests."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--images", type=Path, help="folder that holds PCBData/: the end-to-end tests use real boards")
    parser.addoption("--split", default="PCBData/trainval.txt", help="which boards of --images, relative to it")
