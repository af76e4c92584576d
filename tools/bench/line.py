"""From a rule's pause request to a held line: over the real bus and bridge, and as one would do it without them.

The other way is a client that writes a Boolean and polls what becomes of it. Both take turns, on PLCs of the same make.
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from asyncua import Client, ua
from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2

from services.contracts.subjects import PAUSE_REQUESTED, PAUSE_SETTLED
from services.opcua_bridge.adapters.last_words import last_said
from tools.chaos.line_floor import PLACE, Floor, standing
from tools.simulators.plc_machine import HELD
from tools.simulators.plc_memory import EXECUTE

POLICIES = ("Basic256Sha256", "Aes256Sha256RsaPss")
POLL_S = 0.1
"""How often the naive client looks: a usual polling interval of SCADA."""
HOLDING_MS = 400
"""What the simulated machine takes from Holding to Held."""
WAYS = ("bridge", "naive")
_TTL_S = 20.0
_LOOK_S = 0.01
Times = tuple[float, float]
"""Milliseconds from the request to the PLC's acknowledgement, and to Held."""


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
            ):
                times: dict[str, list[Times]] = {way: [] for way in WAYS}
                for number in range(rounds):
                    report(policy)
                    times["bridge"].append(await _by_bridge(ours, f"{policy}-{number}"))
                    await _resumed(ours, *panel)
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


async def _by_bridge(floor: Floor, request_id: str) -> Times:
    """By the receipt, whose clock is this machine's."""
    asked_at = time.time()
    message = line_pb2.PauseRequested(
        request_id=request_id,
        episode_id=request_id,
        station=frame_pb2.StationPath(site=PLACE.site, line=PLACE.line, station=PLACE.station),
        text="bench",
    )
    message.requested_at.FromNanoseconds(int(asked_at * 1e9))
    message.expires_at.FromNanoseconds(int((asked_at + _TTL_S) * 1e9))
    await floor.bus.publish(PAUSE_REQUESTED.at(PLACE), message, request_id)
    async with asyncio.timeout(2 * _TTL_S):
        while True:
            receipt, _ = await last_said(floor.bus, PAUSE_SETTLED, PLACE)
            if isinstance(receipt, line_pb2.PauseSettled) and receipt.request_id == request_id:
                break
            await asyncio.sleep(_LOOK_S)
    if receipt.outcome != line_pb2.PAUSE_OUTCOME_CONFIRMED:
        raise RuntimeError(f"the pause was not confirmed: {receipt.detail}")
    acknowledged, held = (at.ToNanoseconds() / 1e9 - asked_at for at in (receipt.acknowledged_at, receipt.held_at))
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


async def _resumed(floor: Floor, client: Client, index: int) -> None:
    await floor.until_state(HELD)
    with contextlib.suppress(ua.uaerrors.BadInvalidState):
        await client.get_node(ua.NodeId("Operator", index)).call_method(ua.NodeId("Operator.Resume", index))
    await floor.until_state(EXECUTE)
