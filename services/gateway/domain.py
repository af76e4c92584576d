"""The view that people read: a bounded fold of what the mesh said. Pure; entries are plain dicts ready for JSON."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Entry = dict[str, Any]


class Bounded:
    """The newest `limit` entries by key; updating one makes it the newest."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[str, Entry] = OrderedDict()

    def put(self, key: str, values: Mapping[str, Any]) -> None:
        """Add or amend an entry."""
        self._entries[key] = {**self._entries.pop(key, {}), **values}
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def get(self, key: str) -> Entry | None:
        """The entry, if it is still remembered."""
        return self._entries.get(key)

    def newest(self, count: int) -> list[Entry]:
        """Up to `count` entries, newest first."""
        return [self._entries[key] for key in list(reversed(self._entries))[:count]]


@dataclass
class View:
    """What the gateway answers from."""

    inspections: Bounded
    workrequests: Bounded
    lines: dict[str, Entry] = field(default_factory=dict)

    def on_verdict(self, where: str, verdict: Entry) -> None:
        """Remember the verdict and count it at its line."""
        fresh = self.inspections.get(verdict["inspectionId"]) is None
        self.inspections.put(verdict["inspectionId"], verdict)
        counts = self._line(where).setdefault("verdicts", {"PASS": 0, "FAIL": 0, "INCONCLUSIVE": 0})
        if fresh:
            outcome = verdict["outcome"].removeprefix("OUTCOME_")
            counts[outcome] = counts.get(outcome, 0) + 1

    def on_line(self, where: str, what: str, fact: Entry) -> None:
        """Remember the last fact of its kind about a line."""
        self._line(where)[what] = fact

    def on_workrequest(self, key: str, status: str, fact: Entry) -> None:
        """Remember how far a work request got."""
        self.workrequests.put(key, {**fact, "status": status})

    def _line(self, where: str) -> Entry:
        return self.lines.setdefault(where, {"line": where})
