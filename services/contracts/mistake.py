"""A mistake in a plant file, said so that it can be mended: file, line, field, what is wrong, and the fix."""

import difflib
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]


class Mistake(ValueError):
    """Raised by a validator: `field` is the dotted path from the model that is being checked."""

    def __init__(self, field: str, what: str, fix: str) -> None:
        super().__init__(what)
        self.field = field
        self.path: Path = tuple(int(key) if key.isdigit() else key for key in field.split(".") if key)
        self.fix = fix


_FIXES = {
    "missing": "add it",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be {ge:g} or more",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be {le:g} or less",
    "finite_number": "write a number, not .nan or .inf",
    "literal_error": "one of {expected}",
    "union_tag_invalid": "one of {expected_tags}",
    "union_tag_not_found": "add it",
    "string_pattern_mismatch": "must match {pattern}",
    "too_short": "at least {min_length}",
    "too_long": "at most {max_length}",
}
_WHATS = {
    "missing": "is missing",
    "extra_forbidden": "is no field here (extra input)",
    "union_tag_invalid": "there is no kind {tag!r}",
    "union_tag_not_found": "is missing",
}
_NO_STOP = "only consecutive, k_of_n, bernoulli_cusum and cusum may pause a line: warn or order maintenance instead"


def lines_of(text: str, error: ValidationError) -> Iterator[tuple[int, str, str, str]]:
    """Each mistake as (line, dotted field, what is wrong, fix)."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    every = error.errors()
    for details in every:
        if details["type"] == "too_short" and any(_inside(other["loc"], details["loc"]) for other in every):
            continue  # pydantic counts only the good ones: the bad ones are named anyway
        raised = details.get("ctx", {}).get("error")
        path: Path = (*details["loc"], *(raised.path if isinstance(raised, Mistake) else ()))
        if details["type"].startswith("union_tag"):
            path = (*path, str(details["ctx"].get("discriminator", "")).strip("'"))
        line, keys = _find(root, path)
        field = ".".join(map(str, keys)) or "plant"
        yield line, field, _what(details), _fix(details, raised)


def _inside(loc: Path, outer: Path) -> bool:
    return len(loc) > len(outer) and loc[: len(outer)] == outer


def _find(node: yaml.Node | None, path: Path) -> tuple[int, Path]:
    """The line of a field, and its path without the names that pydantic gives to kinds."""
    line = node.start_mark.line + 1 if node is not None else 1
    keys: list[str | int] = []
    for at, key in enumerate(path):
        found = _child(node, key)
        if found is not None:
            line, node = found
            keys.append(key)
        elif at + 1 == len(path):  # a field that is not there: the line of what lacks it
            keys.append(key)
    return line, tuple(keys)


def _child(node: yaml.Node | None, key: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key].start_mark.line + 1, node.value[key]
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return name.start_mark.line + 1, value
    return None


def _what(details: ErrorDetails) -> str:
    if details["type"] in _WHATS:
        return _WHATS[details["type"]].format_map(details.get("ctx", {}))
    return details["msg"].removeprefix("Value error, ")


def _fix(details: ErrorDetails, raised: Any) -> str:
    if isinstance(raised, Mistake):
        return raised.fix
    if details["type"] == "literal_error" and details["input"] == "pause_line":
        return _NO_STOP
    if details["type"] == "extra_forbidden":
        return "no such field: remove it, or mend its name"
    template = _FIXES.get(details["type"], "see the schema: `jidoka schema FILE`")
    return template.format_map(details.get("ctx", {}))


def nearest(name: str, known: list[str]) -> str:
    """A fix for a name that is not there."""
    close = difflib.get_close_matches(name, known, 1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
