"""Torch on one thread: tests are small, and spinning worker threads starve each other on a busy machine."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)
