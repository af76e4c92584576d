"""`jidoka rules dry-run`: new rules beside the active ones, on the same parts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToJson, Parse, ParseError
from jidoka.verdict.v1 import verdict_pb2
from rich.table import Table

from services.chassis.bus import Bus
from services.contracts.subjects import VERDICT_REACHED
from services.postprocessing.adapters import rule_messages
from services.postprocessing.domain.rules.action import What
from services.postprocessing.domain.rules.rule import RuleBook
from tools.plant.broker import ADMIN
from tools.plant.facts import kept
from tools.plant.state import PlantState
from tools.rules.what_if import COUNTED, WhatIf, Wish, counts, only

_HEADS = {What.PAUSE: "stops", What.MAINTENANCE: "orders", What.SUPPLIER: "notices", What.WARN: "warnings"}


async def from_broker(state: PlantState, since: datetime | None) -> AsyncIterator[verdict_pb2.Verdict]:
    """The verdicts that the broker of a running plant keeps."""
    bus = Bus(state.url("nats"), ADMIN, state.secret(f"{ADMIN}.nats-password"))
    await bus.start()
    try:
        async for fact in kept(bus, VERDICT_REACHED, since):
            yield fact.message
    finally:
        await bus.stop()


def from_file(path: Path, since: datetime | None) -> list[verdict_pb2.Verdict]:
    """Verdicts as `write` left them, one JSON document a line. Raises ValueError naming file and line."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            verdict = Parse(line, verdict_pb2.Verdict())
        except ParseError as error:
            raise ValueError(f"{path}:{number}: no verdict: {error}") from error
        if since is None or verdict.judged_at.ToDatetime(UTC) >= since:
            found.append(verdict)
    return found


async def write(verdicts: AsyncIterator[verdict_pb2.Verdict], path: Path) -> int:
    """Writes them for `from_file`; returns how many."""
    lines = [MessageToJson(verdict, indent=None) async for verdict in verdicts]
    await asyncio.to_thread(path.write_text, "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return len(lines)


def compare(
    verdicts: Sequence[verdict_pb2.Verdict], active: RuleBook, new: RuleBook, order_s: float
) -> tuple[WhatIf, WhatIf]:
    """Both rule books on the same parts."""
    both = WhatIf(active, order_s), WhatIf(new, order_s)
    for verdict in verdicts:
        line, part = f"{verdict.station.site}/{verdict.station.line}", rule_messages.part(verdict)
        for each in both:
            each.see(line, part)
    return both


def as_json(active: WhatIf, new: WhatIf) -> dict[str, Any]:
    """Everything, for other programs."""
    return {
        "parts": new.parts,
        "active": {"version": active.book.version, "wishes": [w.as_json() for w in active.wishes]},
        "new": {"version": new.book.version, "wishes": [w.as_json() for w in new.wishes]},
        "only_active": [w.as_json() for w in only(active.wishes, new.wishes)],
        "only_new": [w.as_json() for w in only(new.wishes, active.wishes)],
    }


def side_by_side(active: WhatIf, new: WhatIf) -> Table:
    """A line for each rule: what it did, and what it would have done."""
    table = Table("rule", title=f"{new.parts} parts", title_justify="left")
    for what in COUNTED:
        table.add_column(f"{_HEADS[what]}\nactive → new", justify="right")
    before, after = counts(active.wishes), counts(new.wishes)
    for rule_id in dict.fromkeys([*before, *after]):
        cells = [(before.get(rule_id, {}).get(what, 0), after.get(rule_id, {}).get(what, 0)) for what in COUNTED]
        table.add_row(rule_id, *(f"{a} → {b}" if a or b else "" for a, b in cells))
    totals = [(_total(active.wishes, what), _total(new.wishes, what)) for what in COUNTED]
    table.add_row("all", *(f"{a} → {b}" for a, b in totals), style="bold")
    return table


def _total(wishes: Sequence[Wish], what: What) -> int:
    return sum(wish.what is what for wish in wishes)


def differences(title: str, wishes: Sequence[Wish], most: int = 20) -> Table:
    """The first of them, with their parts."""
    table = Table("when (UTC)", "wants", "rule", "station", "lot, parts", "why", title=title, title_justify="left")
    for wish in wishes[:most]:
        at = datetime.fromtimestamp(wish.at_s, UTC).strftime("%m-%d %H:%M:%S")
        parts = f"{wish.lot} {wish.first}-{wish.last}"
        why = f"{wish.label}: {wish.detail}" if wish.label else wish.detail
        table.add_row(at, wish.what.value, wish.rule_id, f"{wish.line}/{wish.station}", parts, why)
    if len(wishes) > most:
        table.caption = f"and {len(wishes) - most} more: --json FILE has them all"
    return table
