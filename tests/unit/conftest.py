"""Unit tests talk to nobody: a socket in one of them is a mistake."""

import pytest
from pytest_socket import disable_socket, enable_socket


@pytest.fixture(autouse=True)
def _no_sockets():
    disable_socket(allow_unix_socket=True)  # asyncio's own wake-up pair
    yield
    enable_socket()
