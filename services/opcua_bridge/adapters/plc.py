"""One supervised OPC UA link per PLC: it comes back for ever, and believes only what one read of the tags said.

A notification is a hint to look, never a value: across monitored items it promises no order, so a new AckCmdId may
arrive with the AckCode of the command before. What was known before a lost link is forgotten with it.
"""

import asyncio
import contextlib
import logging
import random
import time
from dataclasses import dataclass
from typing import Any

from asyncua import Client, ua
from asyncua.common.node import Node
from prometheus_client import Gauge

from services.chassis import telemetry
from services.chassis.errors import Invalid
from services.chassis.run import cancel, spawn
from services.opcua_bridge.adapters.identity import load_identity
from services.opcua_bridge.adapters.plc_session import WATCHED, PlcAddress, PlcRefusedError, opened, tags_of
from services.opcua_bridge.domain.line import NO_LINK, PlcView
from services.opcua_bridge.ports import Command, PlcUnreachableError

log = logging.getLogger("jidoka.plc")
LINK_UP = Gauge("jidoka_plc_link_up", "Whether the link to the PLC of a line is up", ["line"])
HOLD = 4  # PackTag Command.CntrlCmd
REPEATED_DEFECT = 1  # ReqReason: the only one there is
REQ_TEXT_CHARS = 80
Values = dict[str, tuple[int | str, ua.VariantType]]
_BACKOFF_MIN_S = 0.25


@dataclass(frozen=True)
class Timing:
    """How often we speak and how long we wait."""

    publishing_ms: int
    heartbeat_s: float
    dead_after_s: float
    operation_timeout_s: float
    connect_timeout_s: float
    backoff_max_s: float


class _Pulse:
    """Both heartbeats of one session: whether the PLC's program is alive, and whether it is our turn to speak."""

    def __init__(self, timing: Timing) -> None:
        self.spoken = 0
        self._timing = timing
        self._heard_at = time.monotonic()
        self._speak_at = 0.0
        self._last: int | None = None
        self._beating = False

    def hear(self, heartbeat: int) -> bool:
        """Whether the PLC's heartbeat has moved in this session: a server that answers may have a stopped program."""
        if self._last not in (None, heartbeat):
            self._beating = True
            self._heard_at = time.monotonic()
        self._last = heartbeat
        return self._beating

    def speak(self) -> bool:
        """Whether it is time to write `spoken`."""
        if time.monotonic() < self._speak_at:
            return False
        self._speak_at = time.monotonic() + self._timing.heartbeat_s
        self.spoken = (self.spoken + 1) & 0xFFFFFFFF
        return True

    def check(self) -> None:
        """Raises ConnectionError when the PLC has been silent for too long."""
        if time.monotonic() - self._heard_at > self._timing.dead_after_s:
            raise ConnectionError(f"the PLC's heartbeat stood still for {self._timing.dead_after_s:g} s")


class PlcLink:
    """Keeps `view` true and writes commands. Start it; it needs no PLC to start."""

    def __init__(self, address: PlcAddress, timing: Timing) -> None:
        self._address = address
        self._timing = timing
        self._view = NO_LINK
        self._changed = asyncio.Event()
        self._hint = asyncio.Event()
        self._deaf = False
        self._client: Client | None = None
        self._nodes: dict[str, Node] = {}
        self._lost_why = ""
        self._task: asyncio.Task[Any] | None = None

    @property
    def view(self) -> PlcView:
        """What the PLC said last; NO_LINK while there is none."""
        return self._view

    async def start(self) -> None:
        """Raises Invalid for an unusable PKI folder; a PLC that is away is waited for in the background."""
        await load_identity(self._address.pki)
        self._task = spawn(self._supervise(), f"link to the PLC of {self._address.line}")

    async def stop(self) -> None:
        await cancel(self._task)

    async def changed(self, timeout_s: float) -> None:
        """Return when `view` has become another one, at the latest after `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()

    async def hold(self, command: Command) -> None:
        """Payload in one call, then the id as the commit. Raises PlcUnreachableError."""
        payload: Values = {
            "ReqCmd": (HOLD, ua.VariantType.Int16),
            "ReqReason": (REPEATED_DEFECT, ua.VariantType.Int32),
            "ReqText": (command.text[:REQ_TEXT_CHARS], ua.VariantType.String),
            "ReqTtlMs": (max(1, int(command.ttl_s * 1000)), ua.VariantType.UInt32),
            "ReqFresh": (self._view.heartbeat, ua.VariantType.UInt32),
        }
        client = self._client
        if client is None:
            raise PlcUnreachableError("the link is down")
        try:
            with telemetry.Stopwatch("plc write"):
                await self._write(client, payload)
                await self._write(client, {"ReqCmdId": (command.id, ua.VariantType.UInt32)})
        except Exception as error:
            raise PlcUnreachableError(f"{type(error).__name__} {error}") from error

    async def _write(self, client: Client, values: Values) -> None:
        """One Write call, types given and no timestamps: PLCs refuse those (asyncua #520, #1536)."""
        nodes = [self._nodes[tag] for tag in values]
        typed = [ua.DataValue(ua.Variant(value, kind)) for value, kind in values.values()]
        async with asyncio.timeout(self._timing.operation_timeout_s):
            await client.write_values(nodes, typed)

    async def _supervise(self) -> None:
        backoff_s = _BACKOFF_MIN_S
        while True:
            try:
                async with opened(self._address, self._timing.connect_timeout_s) as client:
                    await self._serve(client)
            except Exception as error:  # whatever one PLC does must not stop the others
                self._tell_lost(error)
            finally:
                was_up = self._view.link_up
                self._client = None
                self._see(NO_LINK)
            backoff_s = _BACKOFF_MIN_S if was_up else min(backoff_s * 2, self._timing.backoff_max_s)
            await asyncio.sleep(random.uniform(0, backoff_s))  # full jitter: many bridges, one PLC

    async def _serve(self, client: Client) -> None:
        self._nodes = await tags_of(client, self._address)
        await self._subscribe(client)
        pulse = _Pulse(self._timing)
        while True:
            self._hint.clear()
            with contextlib.suppress(TimeoutError):  # a slow answer is not yet a dead PLC; silence is
                view = await self._read(client)
                if pulse.hear(view.heartbeat):
                    self._client = client
                    self._see(view)
                if pulse.speak():
                    await self._write(client, {"HbVis": (pulse.spoken, ua.VariantType.UInt32)})
            pulse.check()
            if self._deaf:
                raise ConnectionError("the PLC ended the subscription")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timing.heartbeat_s):
                    await self._hint.wait()

    async def _subscribe(self, client: Client) -> None:
        self._deaf = False
        parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=self._timing.publishing_ms,
            RequestedMaxKeepAliveCount=20,  # asyncua would ask for 450 s of silence
            RequestedLifetimeCount=100,
            MaxNotificationsPerPublish=0,
            PublishingEnabled=True,
            Priority=100,
        )
        subscription = await client.create_subscription(parameters, self)
        nodes = [self._nodes[tag] for tag in WATCHED]
        await subscription.subscribe_data_change(nodes, queuesize=1, sampling_interval=0)

    def datachange_notification(self, *_: object) -> None:
        """Something changed: go and look."""
        self._hint.set()

    def status_change_notification(self, *_: object) -> None:
        """The PLC gave the subscription up: without it we would still read, but late."""
        self._deaf = True
        self._hint.set()

    async def _read(self, client: Client) -> PlcView:
        nodes = [self._nodes[tag] for tag in WATCHED]
        async with asyncio.timeout(self._timing.operation_timeout_s):
            ack_id, ack_code, state, enabled, heartbeat = await client.read_values(nodes)
        return PlcView(True, ack_id, ack_code, state, enabled, heartbeat)

    def _see(self, view: PlcView) -> None:
        if view == self._view:
            return
        if view.link_up and not self._view.link_up:
            log.warning("link to the PLC of %s is up", self._address.line)
            self._lost_why = ""
        self._view = view
        LINK_UP.labels(str(self._address.line)).set(view.link_up)
        self._changed.set()
        self._changed = asyncio.Event()

    def _tell_lost(self, error: Exception) -> None:
        """Once for each reason: the next attempts will fail the same way."""
        why = str(error) if isinstance(error, (PlcRefusedError, Invalid)) else "unreachable"
        if why != self._lost_why:
            log.warning("link to the PLC of %s is down: %s: %s", self._address.line, type(error).__name__, error)
            self._lost_why = why
