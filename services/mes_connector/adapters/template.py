"""JSON by example: `{name}` in a text stands for a word of the request, a dot in a key for a level.

    {"asset.id": "{equipment}", "title": "[{kind}] {title}", "source": "jidoka"}

A text that is one placeholder alone keeps the type of its word (a number, a list); there is no other syntax.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from services.chassis.errors import Invalid

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class Template:
    """A shape to be filled. Raises Invalid for a placeholder that nobody can fill, or a key that is there twice."""

    def __init__(self, shape: Mapping[str, Any], names: frozenset[str], field: str) -> None:
        self._shape = _unfolded(shape, field)
        for name in _placeholders(self._shape):
            if name not in names:
                raise Invalid(f"{{{name}}} is no word of a request", field=field, fix=f"one of {sorted(names)}")

    @property
    def keys(self) -> frozenset[str]:
        """The names at the top level."""
        return frozenset(self._shape)

    def fill(self, values: Mapping[str, object]) -> dict[str, Any]:
        """The shape with its placeholders replaced."""
        filled: dict[str, Any] = _filled(self._shape, values)
        return filled


def text(pattern: str, values: Mapping[str, object]) -> str:
    """A text with its placeholders replaced."""
    return _PLACEHOLDER.sub(lambda match: str(values[match[1]]), pattern)


def at_path(document: Any, path: str) -> Any:
    """What stands at a dotted path (keys, and positions in lists); None: nothing. The empty path is the document."""
    for key in path.split(".") if path else ():
        if isinstance(document, dict):
            document = document.get(key)
        elif isinstance(document, list) and key.isdecimal() and int(key) < len(document):
            document = document[int(key)]
        else:
            return None
    return document


def _unfolded(shape: Mapping[str, Any], field: str) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for dotted, value in shape.items():
        *levels, last = dotted.split(".")
        inner = whole
        for level in levels:
            inner = inner.setdefault(level, {})
            if not isinstance(inner, dict):
                break
        if not isinstance(inner, dict) or last in inner:
            raise Invalid(
                "stands twice, once as a value and once as a level", field=f"{field}.{dotted}", fix="keep one"
            )
        inner[last] = _unfolded(value, f"{field}.{dotted}") if isinstance(value, Mapping) else value
    return whole


def _placeholders(shape: Any) -> Iterator[str]:
    if isinstance(shape, str):
        yield from _PLACEHOLDER.findall(shape)
    elif isinstance(shape, (dict, list)):
        for part in shape.values() if isinstance(shape, dict) else shape:
            yield from _placeholders(part)


def _filled(shape: Any, values: Mapping[str, object]) -> Any:
    if isinstance(shape, dict):
        return {key: _filled(part, values) for key, part in shape.items()}
    if isinstance(shape, list):
        return [_filled(part, values) for part in shape]
    if not isinstance(shape, str):
        return shape
    alone = _PLACEHOLDER.fullmatch(shape)
    return values[alone[1]] if alone else text(shape, values)
