"""The view that people read: a bounded fold of what the mesh said. Pure; entries are plain dicts ready for JSON."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

Entry = dict[str, Any]
_MOST_PROPOSALS = 100
_MOST_KEPT = 10_000
# What a fact says of the incident that it is about, beside its rule and its place.
_SAID_OF_INCIDENT = {
    "warning": ("warnedAt", "text"),
    "pauseRequest": ("requestId", "attempt", "requestedAt", "text"),
    "order": ("key", "title", "requestedAt"),
    "update": ("signals", "text", "updatedAt"),
    "pause": ("requestId", "outcome", "detail", "heldAt", "settledAt"),
    "containment": ("revision", "firstLotId", "firstPartSequence", "lastLotId", "lastPartSequence"),
    "resume": ("resumedAt",),
    "closure": ("closedBy", "reason", "closedAt"),
}
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

    def newest(self, count: int | None = None, *, line: str = "") -> list[Entry]:
        """Up to `count` entries, or all, of one line or of all, newest first."""
        entries = (self._entries[key] for key in reversed(self._entries))
        return list(islice((entry for entry in entries if line in {"", entry.get("line")}), count))


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
    audit: Bounded = field(default_factory=lambda: Bounded(_MOST_KEPT))
    """What was done and refused at the OPC UA server, by its place in the stream."""
    warnings: Bounded = field(default_factory=lambda: Bounded(_MOST_KEPT))
    containments: Bounded = field(default_factory=lambda: Bounded(_MOST_KEPT))
    """Parts to set aside, by incident."""
    incidents: Bounded = field(default_factory=lambda: Bounded(_MOST_KEPT))
    """By episodeId: the last that each kind of fact said of it."""
    _looked: dict[str, int] = field(default_factory=dict, init=False)
    """By site/line/station: the place in the stream of the newest verdict ..."""
    _silent: dict[str, int] = field(default_factory=dict, init=False)
    """... and of the newest word that there is none; the two may come in any order."""

    def forget_places(self) -> None:
        """A stream was made anew: its numbers begin again (R3)."""
        self._looked.clear()
        self._silent.clear()

    def on_verdict(self, where: str, verdict: Entry, sequence: int = 0) -> None:
        """Remember the verdict and count it at its line; the station is not silent any more."""
        name, inspection_id = verdict["station"].get("station", ""), verdict["inspectionId"]
        station = f"{where}/{name}"
        self._looked[station] = sequence
        if self._silent.get(station, 0) <= sequence:
            self._line(where).get("silent", {}).pop(name, None)
        fresh = self.verdict(station, inspection_id) is None
        self.inspections.put(f"{station}/{inspection_id}", verdict)
        counts = self._line(where).setdefault("verdicts", {"PASS": 0, "FAIL": 0, "INCONCLUSIVE": 0})
        if fresh:
            outcome = verdict["outcome"].removeprefix("OUTCOME_")
            counts[outcome] = counts.get(outcome, 0) + 1

    def verdict(self, station: str, inspection_id: str) -> Entry | None:
        """A verdict that is still remembered; `station` is site/line/station, whose own the id is."""
        return self.inspections.get(f"{station}/{inspection_id}")

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

    def on_silent(self, where: str, fact: Entry, sequence: int) -> None:
        """Remember that a station gives no verdicts, unless one is known that came after this was said."""
        station = fact["station"]["station"]
        self._silent[f"{where}/{station}"] = sequence
        if self._looked.get(f"{where}/{station}", 0) < sequence:
            since = {name: fact[name] for name in ("silentSince", "noticedAt") if name in fact}
            self._line(where).setdefault("silent", {})[station] = since

    def on_incident(self, where: str, what: str, fact: Entry) -> None:
        """Remember what a fact says of its incident."""
        said = {name: fact[name] for name in _SAID_OF_INCIDENT[what] if name in fact}
        episode = fact["episodeId"]
        about: Entry = {}
        if "ruleId" in fact:  # a receipt or a resume may come from another line of the pause group
            about = {name: fact[name] for name in ("ruleId", "defectLabel") if name in fact}
            about |= {"line": where, "station": fact["station"].get("station", "")}
        elif self.incidents.get(episode) is None:
            about = {"line": where}
        self.incidents.put(episode, {"episodeId": episode, **about, what: said})

    def on_warned(self, where: str, fact: Entry) -> None:
        """Remember the warning, and its incident."""
        self.warnings.put(fact["warningId"], {"line": where, **fact})
        self.on_incident(where, "warning", fact)

    def on_contained(self, where: str, fact: Entry) -> None:
        """Remember which parts are to be set aside; the newest revision holds."""
        before = self.containments.get(fact["episodeId"])
        if before is None or fact.get("revision", 0) >= before.get("revision", 0):
            self.containments.put(fact["episodeId"], {"line": where, **fact})
            self.on_incident(where, "containment", fact)

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

    def on_work_updated(self, where: str, fact: Entry) -> None:
        """Remember that the incident behind an order goes on; one without an order has its own id as the key."""
        if self.workrequests.get(fact["key"]) is not None:
            said = {name: fact[name] for name in _SAID_OF_INCIDENT["update"] if name in fact}
            self.workrequests.put(fact["key"], {"lastUpdate": said})
        self.on_incident(where, "update", fact)

    def orders_of(self, episode_id: str) -> list[Entry]:
        """The work requests of an incident, newest first."""
        return [entry for entry in self.workrequests.newest() if entry.get("episodeId") == episode_id]

    def _line(self, where: str) -> Entry:
        return self.lines.setdefault(where, {"line": where})


def aged(line: Mapping[str, Any], now_s: float) -> Entry:
    """A line with the age of its state: it is said when it changes, and by nobody when no bridge has the duty."""
    if not (state := line.get("state")) or "changedAt" not in state:
        return dict(line)
    changed_s = datetime.fromisoformat(state["changedAt"]).timestamp()
    return {**line, "state": {**state, "ageS": round(max(0.0, now_s - changed_s), 1)}}
