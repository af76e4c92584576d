"""One supervised OPC UA link per PLC: it comes back for ever, and believes only what one read of the tags said.

A notification is a hint to look, never a value: across monitored items it promises no order, so a new AckCmdId may
arrive with the AckCode of the command before. What was known before a lost link is forgotten with it.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from asyncua import Client, ua
from prometheus_client import Gauge

from services.chassis import telemetry
from services.chassis.run import cancel, spawn
from services.contracts.plc import Plc
from services.opcua_bridge.adapters.identity import load_identity
from services.opcua_bridge.adapters.plc_dialect import Claimer, Dialect
from services.opcua_bridge.adapters.plc_packml import PackMl
from services.opcua_bridge.adapters.plc_pulse import Pulse
from services.opcua_bridge.adapters.plc_session import LinkLostError, PlcAddress, opened
from services.opcua_bridge.adapters.plc_tag import PauseTag
from services.opcua_bridge.adapters.plc_tags import Tags, found_tags
from services.opcua_bridge.adapters.plc_visif import VisIf
from services.opcua_bridge.domain.breaker import Breaker
from services.opcua_bridge.domain.line import NO_LINK, PlcView
from services.opcua_bridge.ports import Command, PlcUnreachableError

log = logging.getLogger("jidoka.plc")
LINK_UP = Gauge("jidoka_plc_link_up", "Whether the link to the PLC of a line is up", ["line"])
BREAKER_OPEN = Gauge(
    "jidoka_plc_breaker_open", "Whether the PLC of a line is tried rarely, for it keeps failing", ["line"]
)
DIALECTS: dict[str, Callable[[Plc], Dialect]] = {"visif": VisIf, "packml": PackMl, "tag": PauseTag}


@dataclass(frozen=True)
class Timing:
    """How often we speak and how long we wait."""

    publishing_ms: int
    heartbeat_s: float
    dead_after_s: float
    operation_timeout_s: float
    connect_timeout_s: float
    retry_s: float
    backoff_max_s: float
    opens_after: int
    stable_s: float


class PlcLink:
    """Keeps `view` true and asks for Hold. Start it; it needs no PLC to start, and one frozen PLC delays no other."""

    def __init__(self, address: PlcAddress, plc: Plc, timing: Timing, claims: Claimer) -> None:
        self._address, self._plc, self._timing, self._claims = address, plc, timing, claims
        self._dialect = DIALECTS[plc.adapter](plc)
        self._breaker = Breaker(timing.opens_after, timing.retry_s, timing.backoff_max_s, timing.stable_s)
        self._view = PlcView(detail=f"the PLC at {address.url} has not answered yet")
        self._changed = asyncio.Event()
        self._hint = asyncio.Event()
        self._deaf = self._stale = False
        self._tags: Tags | None = None
        self._task: asyncio.Task[Any] | None = None

    @property
    def view(self) -> PlcView:
        """What the PLC said last; without a link only why there is none."""
        return self._view

    @property
    def once(self) -> bool:
        """Whether its commands may be said only once."""
        return self._dialect.once

    async def start(self) -> None:
        """Raises Invalid for an unusable PKI folder; a PLC that is away is waited for in the background."""
        await load_identity(self._address.pki)
        self._task = spawn(self._supervise(), f"link to the PLC of {self._address.line}")

    async def stop(self) -> None:
        await cancel(self._task)
        self._see(NO_LINK)

    async def changed(self, timeout_s: float, since: PlcView) -> None:
        """Return when `view` is not `since` any more (B19), at the latest after `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._view is since:
                    await self._changed.wait()

    async def hold(self, command: Command) -> None:
        """Ask for Hold. Raises PlcUnreachableError."""
        if self._tags is None:
            raise PlcUnreachableError("the link is down")
        try:
            with telemetry.Stopwatch("plc write"):
                await self._dialect.hold(self._tags, command)
        except Exception as error:
            raise PlcUnreachableError(f"{type(error).__name__} {error}") from error
        self._hint.set()

    async def claim_anew(self) -> None:
        """End this session; the next one claims the PLC with the numbers of the stream as it is now (R3)."""
        self._stale = True
        self._see(PlcView(detail="the stream of requests was made anew: the PLC is claimed anew"))
        self._hint.set()

    async def let_go(self) -> None:
        """Take back what still asks; a link that is down does it when it returns."""
        if self._tags is None:
            return
        try:
            await self._dialect.let_go(self._tags)
        except Exception as error:  # the next session begins with taking it back
            log.info("the PLC of %s did not take the request back: %s", self._address.line, error)

    async def _supervise(self) -> None:
        while True:
            began_s, why = time.monotonic(), ""
            try:
                async with opened(self._address, self._timing.connect_timeout_s) as client:
                    await self._serve(client)
            except Exception as error:  # whatever one PLC does must not stop the others
                why = self._address.why(error)
                self._tell_lost(why, error)
            finally:
                was_up = self._view.link_up
                self._tags = None
                self._see(PlcView(detail=why))
            pause_s = self._breaker.pause_after(time.monotonic() - began_s if was_up else 0.0)
            BREAKER_OPEN.labels(str(self._address.line)).set(self._breaker.is_open)
            await asyncio.sleep(random.uniform(0, pause_s))  # full jitter: many bridges, one PLC

    async def _serve(self, client: Client) -> None:
        timing, node_ids = self._timing, self._plc.node_ids
        tags = await found_tags(client, self._address, node_ids, self._dialect.kinds, timing.operation_timeout_s)
        await self._subscribe(client, tags)
        self._stale = False
        await self._dialect.open(tags, self._claims)
        claimed_by_s = time.monotonic() + timing.dead_after_s
        beats, proven = "HbPlc" in tags, self._dialect.answers_claims
        pulse = Pulse(timing.heartbeat_s, timing.dead_after_s, plc_beats=beats, proven=proven)
        while True:
            self._hint.clear()
            with contextlib.suppress(TimeoutError):  # a slow answer is not yet a dead PLC; silence is
                view = await self._dialect.look(tags)
                if pulse.hear(view.heartbeat) and view.link_up and not self._stale:
                    self._tags = tags
                    self._see(view)
                if not view.link_up and time.monotonic() > claimed_by_s:
                    raise LinkLostError(view.detail)
                if "HbVis" in tags and pulse.speak():
                    await tags.write({"HbVis": pulse.spoken})
            pulse.check()
            if self._stale:
                raise LinkLostError(self._view.detail)
            if self._deaf:
                raise LinkLostError("ended our subscription: nothing to do, we connect anew")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timing.heartbeat_s):
                    await self._hint.wait()

    async def _subscribe(self, client: Client, tags: Tags) -> None:
        self._deaf = False
        parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=self._timing.publishing_ms,
            RequestedMaxKeepAliveCount=20,  # asyncua would ask for 450 s of silence
            RequestedLifetimeCount=100,
            MaxNotificationsPerPublish=0,
            PublishingEnabled=True,
            Priority=self._plc.priority,
        )
        subscription = await client.create_subscription(parameters, self)
        nodes = [tags.node(name) for name in self._dialect.watched]
        await subscription.subscribe_data_change(nodes, queuesize=1, sampling_interval=0)

    def datachange_notification(self, *_: object) -> None:
        """Something changed: go and look."""
        self._hint.set()

    def status_change_notification(self, *_: object) -> None:
        """The PLC gave the subscription up: without it we would still read, but late."""
        self._deaf = True
        self._hint.set()

    def _see(self, view: PlcView) -> None:
        if view == self._view:
            return
        if view.link_up and not self._view.link_up:
            log.warning("link to the PLC of %s is up", self._address.line)
        self._view = view
        LINK_UP.labels(str(self._address.line)).set(view.link_up)
        self._changed.set()
        self._changed = asyncio.Event()

    def _tell_lost(self, why: str, error: Exception) -> None:
        """Once for each reason: the next attempts will fail the same way."""
        if why != self._view.detail:
            kind = type(error).__name__
            log.warning(
                "link to the PLC of %s is down: %s", self._address.line, why, extra={"error": f"{kind}: {error}"}
            )
