"""A duty that one process has and no other: its holder renews a key in the broker, which expires when he is silent."""

import asyncio
import logging
import os
import random
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from prometheus_client import Gauge

from services.chassis.bus import Bus
from services.chassis.crew import Crew
from services.chassis.reader import AWAY
from services.chassis.run import Component, cancel, spawn
from services.chassis.trouble import Trouble, why
from services.contracts.subjects import LEASE_TTL_S, LEASES

log = logging.getLogger("jidoka.lease")
HELD = Gauge("jidoka_lease_held", "Whether this process has a duty", ["duty"])
_WHO = f"{socket.gethostname()}:{os.getpid()}"
_BEGINS, _ON = f"{_WHO}:begins".encode(), f"{_WHO}:on".encode()
_LOOK_S, _MARGIN_S = LEASE_TTL_S / 6, LEASE_TTL_S / 15
_MISSED_S = 10.0  # so long a duty may be with nobody before that is more than a change of holders


@runtime_checkable
class Healthy(Protocol):
    """A component that knows whether it works."""

    def healthy(self) -> bool: ...


class Lease:
    """Strives for ever for one duty; `duty(token)` makes the components that live while we have it.

    Tokens only grow. What the duty writes elsewhere goes there with its token and is refused once a later holder has
    written: a holder can be asleep, lose the lease, and not know it yet when he wakes up.
    """

    def __init__(
        self, bus: Bus, name: str, duty: Callable[[int], Sequence[Component]], crew: Crew | None = None
    ) -> None:
        """`name` is dotted lower case and the service's own: the key in the bucket begins with who we are.

        With a crew, a process that has its share leaves the duty to others for a while.
        """
        self._bus, self.key, self._duty, self._crew = bus, f"{bus.user}.{name}", duty, crew
        self._revision, self._ends_s = 0, 0.0
        self._on = self._handed_over = False
        self._seen_s = float("-inf")
        self._free_since_s: float | None = None
        self._trouble = Trouble(f"the duty {self.key}", _MISSED_S)
        self._running: list[Component] = []
        self._task: asyncio.Task[Any] | None = None
        if crew is not None:
            crew.join(self)

    @property
    def held(self) -> bool:
        """Whether the duty is ours; it may have ended a moment ago."""
        return self._revision > 0

    def healthy(self) -> bool:
        """Whether somebody does the duty, or did a moment ago; and if we do, whether we can."""
        if self._on:
            return all(part.healthy() for part in self._running if isinstance(part, Healthy))
        return time.monotonic() - self._seen_s < _MISSED_S

    def hand_over(self) -> None:
        """End the duty here, soon, for another process to have it."""
        self._handed_over = True

    async def start(self) -> None:
        """Strive in the background."""
        HELD.labels(self.key).set(0)
        self._task = spawn(self._strive(), f"lease {self.key}")

    async def stop(self) -> None:
        """End the duty in order and let the next one have it at once."""
        await cancel(self._task)
        await self._end()

    async def _strive(self) -> None:
        while True:
            try:
                if await self._is_free() and self._is_for_us():
                    await self._take()
                    await self._serve()
            except KeyWrongLastSequenceError:
                log.debug("%s is another's", self.key)
            except AWAY as error:
                self._trouble.met(why(error, LEASES))
            await self._end()
            await asyncio.sleep(_LOOK_S * random.uniform(0.5, 1.5))

    async def _is_free(self) -> bool:
        try:
            async with asyncio.timeout(LEASE_TTL_S / 2):
                self._kv = await self._bus.jetstream.key_value(LEASES)
                holder = (await self._kv.get(self.key)).value or b""
        except KeyNotFoundError:
            return True
        self._free_since_s = None
        if not holder.endswith(b":begins"):
            self._well()
        return False

    def _is_for_us(self) -> bool:
        """Who has his share leaves a free duty to those who have room, but not for ever: perhaps they cannot."""
        now = time.monotonic()
        self._free_since_s = self._free_since_s or now
        patience_s = LEASE_TTL_S * random.uniform(1.0, 1.5)
        return self._crew is None or self._crew.has_room() or now - self._free_since_s > patience_s

    async def _take(self) -> None:
        self._ends_s = time.monotonic() + LEASE_TTL_S
        self._handed_over, self._free_since_s = False, None
        async with asyncio.timeout(LEASE_TTL_S / 2):
            self._revision = await self._kv.create(self.key, _BEGINS)
        HELD.labels(self.key).set(1)

    async def _serve(self) -> None:
        log.warning("%s: the duty is ours, token %d", self.key, self._revision)
        renewing = asyncio.create_task(self._renew())
        beginning = asyncio.create_task(self._begin(self._revision))
        try:
            # Also while the duty begins, which may take long, the lease may be lost (B23).
            await asyncio.wait({renewing, beginning}, return_when=asyncio.FIRST_COMPLETED)
            if beginning.done():
                beginning.result()
                self._on = True
                self._well()
                await renewing
        finally:
            self._seen_s = time.monotonic() if self._on else self._seen_s
            self._on = False
            await cancel(renewing, beginning)
            log.warning("%s: the duty ends here", self.key)

    async def _begin(self, token: int) -> None:
        for component in self._duty(token):
            self._running.append(component)
            await component.start()

    async def _renew(self) -> None:
        """Returns when the lease is lost, or might be, or another one shall have it."""
        while (left_s := self._ends_s - time.monotonic() - _MARGIN_S) > 0 and not self._handed_over:
            await asyncio.sleep(min(LEASE_TTL_S / 3 * random.uniform(0.7, 1.0), left_s))
            asked_s = time.monotonic()
            try:
                async with asyncio.timeout(self._ends_s - _MARGIN_S - asked_s):
                    said = _ON if self._on else _BEGINS
                    self._revision = await self._kv.update(self.key, said, self._revision)
                self._ends_s = asked_s + LEASE_TTL_S
                self._bus.stored(LEASES)
            except KeyWrongLastSequenceError:
                return
            except AWAY as error:
                self._bus.refused(LEASES, error)
                log.debug("%s is not renewed: %s", self.key, error)

    def _well(self) -> None:
        self._seen_s = time.monotonic()
        self._trouble.over()

    async def _end(self) -> None:
        while self._running:
            await self._running[-1].stop()
            self._running.pop()
        if not self._revision:
            return
        try:
            async with asyncio.timeout(LEASE_TTL_S / 3):
                await self._kv.delete(self.key, self._revision)
        except AWAY as error:
            log.debug("%s expires by itself: %s", self.key, error)
        self._revision = 0
        HELD.labels(self.key).set(0)
