"""Secrets of a plant: made once, kept in files that only their owner can read."""

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path


def secret(path: Path, make: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> str:
    """The secret in `path`; made on first use, with mode 0600 from its first byte on."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(make() + "\n")
        draft.replace(path)  # a crash half-way leaves no empty secret behind
    return path.read_text(encoding="utf-8").strip()


def private(path: Path, text: str) -> None:
    """Write a file that holds secrets, such as a server's configuration, anew: complete or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    secret(path, lambda: text)
