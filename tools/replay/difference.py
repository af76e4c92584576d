"""Where two messages differ, in words."""

from collections.abc import Collection, Iterator
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message


def differences(stored: Message, derived: Message, ignored: Collection[str] = ()) -> list[str]:
    """One line for each field that differs, `ignored` ones (top level, as in JSON) aside; empty: identical."""
    ours, theirs = MessageToDict(stored), MessageToDict(derived)
    for name in ignored:
        ours.pop(name, None)
        theirs.pop(name, None)
    return list(_compared("", ours, theirs))


def _compared(path: str, ours: Any, theirs: Any) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            yield from _compared(f"{path}.{key}".lstrip("."), ours.get(key), theirs.get(key))
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _compared(f"{path}.{index}", one, other)
    elif ours != theirs:
        yield f"{path}: stored {ours!r}, derived {theirs!r}"
