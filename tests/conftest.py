"""Options for all tests, and the servers' binaries on their path."""

import os
import sys
from pathlib import Path

import pytest

# nats-server and others are wheels: they stand beside this interpreter, which nobody needs to have activated.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--images", type=Path, help="folder that holds PCBData/: the end-to-end tests use real boards")
    parser.addoption("--split", default="PCBData/trainval.txt", help="which boards of --images, relative to it")
