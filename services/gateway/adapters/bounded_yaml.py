"""YAML that costs no more than it weighs: no aliases, no merge keys, bounded in depth and in entries (S13)."""

from typing import Any

import yaml

from services.chassis.errors import Invalid

_MOST_ENTRIES, _DEEPEST = 20_000, 32
_FIX = "send the plant file, or its rule_set alone"


def load(text: str) -> Any:
    """The document. Raises Invalid with the line for what is no YAML, or could grow beyond its text."""
    try:
        _look_through(text)
        return yaml.load(text, Loader=yaml.CSafeLoader)  # the safe one, in C
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        said = " ".join(str(error).split())[:300]
        raise Invalid(f"not YAML: {said}", field="body", fix=_FIX) from error


def _look_through(text: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _refused(event, "an anchor or alias is not taken", "write it out")
        if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
            raise _refused(event, "a merge key (<<) is not taken", "write it out")
        if depth > _DEEPEST:
            raise _refused(event, f"it is more than {_DEEPEST} levels deep", _FIX)
        if count > _MOST_ENTRIES:
            raise _refused(event, f"it has more than {_MOST_ENTRIES} entries", _FIX)


def _refused(event: yaml.Event, what: str, fix: str) -> Invalid:
    line = event.start_mark.line + 1 if event.start_mark else 0
    return Invalid(f"line {line}: {what}", field="body", fix=fix)
