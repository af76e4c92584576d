"""The view that people read: a bounded fold of what the mesh said. Pure; entries are plain dicts ready for JSON."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

Entry = dict[str, Any]
_MOST_PROPOSALS = 100
_MOST_AUDITED = 10_000
# A dead order that is tried again may die again, or open; what has ended stays so.
_STAGES = {"REQUESTED": 0, "DEAD_LETTERED": 1, "OPENED": 2, "CANCELLED": 3, "COMPLETED": 3}


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

    def drop(self, key: str) -> None:
        """Forget an entry."""
        self._entries.pop(key, None)

    def newest(self, count: int | None = None) -> list[Entry]:
        """Up to `count` entries, or all, newest first."""
        return [self._entries[key] for key in list(reversed(self._entries))[:count]]


@dataclass
class View:
    """What the gateway answers from."""

    inspections: Bounded
    workrequests: Bounded
    proposals: Bounded
    """Of rules, by site/digest."""
    lines: dict[str, Entry] = field(default_factory=dict)
    rules: dict[str, Entry] = field(default_factory=dict)
    """In force, by site."""
    audit: Bounded = field(default_factory=lambda: Bounded(_MOST_AUDITED))
    """What was done and refused at the OPC UA server, by its place in the stream."""

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

    def on_pause_progressed(self, where: str, fact: Entry) -> None:
        """Remember the step that the handshake with the PLC has come to, until the operator resumed."""
        line = self._line(where)
        if line.get("lastResume", {}).get("episodeId") != fact["episodeId"]:
            line["pauseStep"] = {**fact, "state": fact["state"].removeprefix("PAUSE_STATE_")}

    def on_resumed(self, where: str, fact: Entry) -> None:
        """The pause is over, and with it its last step; facts of two streams may come in any order."""
        self.on_line(where, "lastResume", fact)
        line = self._line(where)
        if line.get("pauseStep", {}).get("episodeId") == fact["episodeId"]:
            del line["pauseStep"]

    def on_alarm(self, where: str, fact: Entry) -> None:
        """Remember the alarms that stand at a line, by their class."""
        alarms = self._line(where).setdefault("alarms", {})
        name = fact["alarmClass"].removeprefix("ALARM_CLASS_")
        alarms.pop(name, None)
        if fact.get("active"):
            alarms[name] = {"since": fact["since"], "detail": fact.get("detail", "")}

    def audited(self, exact: Mapping[str, str], node: str, limit: int) -> list[Entry]:
        """Up to `limit` entries whose fields are exactly so and whose node contains `node`, newest first."""
        found = (
            one
            for one in self.audit.newest()
            if all(one.get(name, "") == value for name, value in exact.items()) and node in one.get("node", "")
        )
        return list(islice(found, limit))

    def on_rules_proposed(self, fact: Entry) -> None:
        """Remember who wants which rules; who asked first stays the proposer."""
        key = f"{fact['site']}/{fact['sha256']}"
        if self.proposals.get(key) is None:
            self.proposals.put(key, {**fact, "status": "PROPOSED"})

    def on_rules_changed(self, fact: Entry) -> None:
        """Remember which rules are in force; what was proposed is done with it."""
        self.rules[fact["site"]] = fact
        self.proposals.drop(f"{fact['site']}/{fact['sha256']}")

    def proposals_at(self, site: str) -> list[Entry]:
        """What waits for a second person, newest first."""
        return [entry for entry in self.proposals.newest(_MOST_PROPOSALS) if entry["site"] == site]

    def on_workrequest(self, key: str, status: str, fact: Entry) -> None:
        """Remember how far a work request got; facts of two streams may come in any order."""
        before = self.workrequests.get(key)
        if before is None or _STAGES[status] >= _STAGES[before["status"]]:
            self.workrequests.put(key, {**fact, "status": status})

    def _line(self, where: str) -> Entry:
        return self.lines.setdefault(where, {"line": where})


def aged(line: Mapping[str, Any], now_s: float) -> Entry:
    """A line with the age of its state: it is said when it changes, and by nobody when no bridge has the duty."""
    if not (state := line.get("state")) or "changedAt" not in state:
        return dict(line)
    changed_s = datetime.fromisoformat(state["changedAt"]).timestamp()
    return {**line, "state": {**state, "ageS": round(max(0.0, now_s - changed_s), 1)}}
