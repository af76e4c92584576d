"""From the fifth bad verdict to a held line: over the real bus, rules and bridge, and as one would do it without them.

The other way is a client that writes a Boolean and polls what becomes of it. Both take turns, on PLCs of the same make.
"""

import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
from asyncua import Client, ua
from google.protobuf.message import Message
from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2

from services.chassis.streams import Follower
from services.contracts import plant as plants
from services.contracts.instant import seconds, timestamp
from services.contracts.subjects import LINE_RESUMED, PAUSE_SETTLED, STATION, VERDICT_REACHED, Subject
from services.opcua_bridge.adapters.last_words import last_said
from services.postprocessing.adapters.events import BusActions, routes
from services.postprocessing.adapters.rule_books import book_of
from services.postprocessing.domain.checkpoint import LineFold
from services.postprocessing.handlers import RuleKeeper
from tools.chaos.line_floor import PLACE, Floor, standing
from tools.simulators.plc_machine import HELD
from tools.simulators.plc_memory import EXECUTE

POLICIES = ("Basic256Sha256", "Aes256Sha256RsaPss")
POLL_S = 0.1
"""How often the naive client looks: a usual polling interval of SCADA."""
HOLDING_MS = 400
"""What the simulated machine takes from Holding to Held."""
WAYS = ("bridge", "naive")
RUN = 5
"""Bad parts in a row; the clock starts with the last."""
_RULES = json.dumps(
    {
        "labels": ["open"],
        "rule_set": {
            "version": 1,
            "stop_budget": {"stops": 60, "per_s": 1.0},  # stopped again and again on purpose
            "rules": [{"id": "run", "kind": "consecutive", "k": RUN, "actions": ["pause_line"]}],
        },
    }
)
_DONE_S = 40.0
_LOOK_S = 0.01
Times = tuple[float, float]
"""Milliseconds to the PLC's acknowledgement, and to Held."""


async def pauses(rounds: int, report: Callable[[str], None]) -> list[dict[str, Any]]:
    """A row for each policy and way. Raises RuntimeError when a pause was not confirmed, TimeoutError."""
    rows = []
    for policy in POLICIES:
        with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
            async with (
                standing(Path(a), 1, security_policy=policy) as ours,
                standing(Path(b), 0, security_policy=policy, adapter="tag") as theirs,
                ours.client("operator") as panel,
                theirs.client("operator") as other_panel,
                theirs.client("bridge") as naive,
                _rules(ours),
            ):
                times: dict[str, list[Times]] = {way: [] for way in WAYS}
                for number in range(rounds):
                    report(policy)
                    times["bridge"].append(await _by_bridge(ours, 1 + number * RUN))
                    before, _ = await last_said(ours.bus, LINE_RESUMED, PLACE)
                    await _resumed(ours, *panel)
                    await _said_after(before, ours, LINE_RESUMED)  # parts from before the resume would not count
                    times["naive"].append(await _naively(*naive))
                    await _resumed(theirs, *other_panel)
        rows += [{"policy": policy, "way": way, "rounds": rounds, **figures(found)} for way, found in times.items()]
    return rows


def figures(times: list[Times]) -> dict[str, float]:
    """p50 and p99 of both, in milliseconds."""
    found: dict[str, float] = {}
    for name, column in zip(("acknowledged", "held"), zip(*times, strict=True), strict=True):
        p50, p99 = (round(float(value), 1) for value in np.percentile(column, (50, 99)))
        found |= {f"{name}_p50_ms": p50, f"{name}_p99_ms": p99}
    return found


class _NoMemory:
    """A checkpoint that keeps nothing: each policy begins with an empty stream."""

    async def load(self) -> LineFold:
        return LineFold()

    async def save(self, _fold: LineFold) -> bool:
        return True


@contextlib.asynccontextmanager
async def _rules(floor: Floor) -> AsyncIterator[None]:
    """The rules of the line, in this process: five bad parts in a row ask for a pause."""
    plant = plants.load(floor.folder / "plant.yaml")
    keeper = RuleKeeper(f"{PLACE.site}/{PLACE.line}", _RULES, book_of, _NoMemory(), BusActions(floor.bus, plant))
    follower = Follower(floor.bus, STATION.name, routes(keeper), keeper.reads_behind)
    await keeper.start()
    await follower.start()
    yield
    await follower.stop()
    await keeper.stop()


async def _by_bridge(floor: Floor, first_part: int) -> Times:
    """From the fifth verdict, by the receipt; both clocks are this machine's."""
    before, _ = await last_said(floor.bus, PAUSE_SETTLED, PLACE)
    for part in range(first_part, first_part + RUN):
        asked_at = time.time()
        verdict = verdict_pb2.Verdict(
            inspection_id=f"part-{part}",
            station=frame_pb2.StationPath(site=PLACE.site, line=PLACE.line, station=PLACE.station),
            part=frame_pb2.PartRef(lot_id="bench", part_sequence=part, product_id="board"),
            outcome=verdict_pb2.OUTCOME_FAIL,
            captured_at=timestamp(asked_at),
            judged_at=timestamp(asked_at),
        )
        verdict.defects.add(label="open", score=0.9)
        await floor.bus.publish(VERDICT_REACHED.about(PLACE, verdict.inspection_id), verdict, verdict.inspection_id)
    receipt = await _said_after(before, floor, PAUSE_SETTLED)
    if not isinstance(receipt, line_pb2.PauseSettled) or receipt.outcome != line_pb2.PAUSE_OUTCOME_CONFIRMED:
        raise RuntimeError(f"the pause was not confirmed: {receipt}")
    acknowledged, held = (seconds(at) - asked_at for at in (receipt.acknowledged_at, receipt.held_at))
    return acknowledged * 1e3, held * 1e3


async def _naively(client: Client, index: int) -> Times:
    """Write TRUE, then look again and again; nothing expires, nothing is numbered, nobody watches the connection."""
    request, state = (client.get_node(ua.NodeId(f"Tag.{name}", index)) for name in ("PauseRequest", "StateCurrent"))
    began = time.perf_counter()
    await request.write_value(ua.DataValue(ua.Variant(True, ua.VariantType.Boolean)))
    acknowledged = 0.0
    while (seen := await state.read_value()) != HELD:
        if seen != EXECUTE:
            acknowledged = acknowledged or time.perf_counter() - began
        await asyncio.sleep(POLL_S)
    held = time.perf_counter() - began
    await request.write_value(ua.DataValue(ua.Variant(False, ua.VariantType.Boolean)))
    return (acknowledged or held) * 1e3, held * 1e3


async def _said_after(before: Message | None, floor: Floor, subject: Subject) -> Message:
    """The next message on a subject."""
    async with asyncio.timeout(_DONE_S):
        while True:
            said, _ = await last_said(floor.bus, subject, PLACE)
            if said is not None and said != before:
                return said
            await asyncio.sleep(_LOOK_S)


async def _resumed(floor: Floor, client: Client, index: int) -> None:
    await floor.until_state(HELD)
    with contextlib.suppress(ua.uaerrors.BadInvalidState):
        await client.get_node(ua.NodeId("Operator", index)).call_method(ua.NodeId("Operator.Resume", index))
    await floor.until_state(EXECUTE)
