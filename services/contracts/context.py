"""What a part carries besides its lot and number: ISA-95 material context (cavity, tool, nozzle, supplier, batch…)."""

import re
from collections.abc import Mapping

from services.contracts.mistake import Mistake

MAX_ENTRIES = 16
_KEY = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_MAX_VALUE = 128


def check(context: Mapping[str, str]) -> None:
    """Raises Mistake. It travels with every verdict and groups rules: so it is bounded, and it is text."""
    if len(context) > MAX_ENTRIES:
        raise Mistake("context", f"has {len(context)} entries", f"{MAX_ENTRIES} at most")
    for key, value in context.items():
        if not _KEY.fullmatch(key):
            raise Mistake("context", f"has the key {key[:40]!r}", "1 to 32 of a-z 0-9 _ -, a letter first")
        if not 1 <= len(value) <= _MAX_VALUE or not value.isprintable():
            raise Mistake(f"context.{key}", "is no text of 1 to 128 printable characters", "shorten it or leave it out")
