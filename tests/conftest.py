"""Options for all tests, the servers' binaries on their path, and what starts too slowly to be started twice."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.tryton.live import LiveTryton, tryton

# nats-server and others are wheels: they stand beside this interpreter, which nobody needs to have activated.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--images", type=Path, help="folder that holds PCBData/: the end-to-end tests use real boards")
    parser.addoption("--split", default="PCBData/trainval.txt", help="which boards of --images, relative to it")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who waits for real servers waits for states; the end is for a machine that does other work beside."""
    for item in items:
        if {"integration", "e2e"} & set(item.path.parts):
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def live_tryton() -> Iterator[LiveTryton]:
    """A Tryton with its modules and a new database: some ten seconds of work."""
    with tryton() as running:
        yield running
