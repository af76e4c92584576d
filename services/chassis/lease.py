"""A duty that one process has and no other: its holder renews a key in the broker, which expires when he is silent."""

import asyncio
import logging
import os
import random
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from nats.errors import Error as NatsError
from nats.js.errors import KeyWrongLastSequenceError

from services.chassis.bus import Bus
from services.chassis.errors import Unavailable
from services.chassis.run import Component, cancel, spawn
from services.contracts.subjects import LEASE_TTL_S, LEASES

log = logging.getLogger("jidoka.lease")
_AWAY = (NatsError, TimeoutError, OSError, Unavailable)
_WHO = f"{socket.gethostname()}:{os.getpid()}".encode()
_LOOK_S, _MARGIN_S = LEASE_TTL_S / 6, LEASE_TTL_S / 15


class Lease:
    """Strives for ever for one duty; `duty(token)` makes the components that live while we have it.

    Tokens only grow. What the duty writes elsewhere goes there with its token and is refused once a later holder has
    written: a holder can be asleep, lose the lease, and not know it yet when he wakes up.
    """

    def __init__(self, bus: Bus, name: str, duty: Callable[[int], Sequence[Component]]) -> None:
        """`name` is dotted lower case and the service's own: the key in the bucket begins with who we are."""
        self._bus, self._key, self._duty = bus, f"{bus.user}.{name}", duty
        self._revision, self._ends_s = 0, 0.0
        self._running: list[Component] = []
        self._task: asyncio.Task[Any] | None = None

    @property
    def held(self) -> bool:
        """Whether the duty is ours; it may have ended a moment ago."""
        return self._revision > 0

    async def start(self) -> None:
        """Strive in the background."""
        self._task = spawn(self._strive(), f"lease {self._key}")

    async def stop(self) -> None:
        """End the duty in order and let the next one have it at once."""
        await cancel(self._task)
        await self._end()

    async def _strive(self) -> None:
        while True:
            try:
                await self._take()
                await self._serve()
            except KeyWrongLastSequenceError:
                log.debug("%s is another's", self._key)
            except _AWAY as error:
                log.debug("%s: %s", self._key, error)
            await self._end()
            await asyncio.sleep(_LOOK_S * random.uniform(0.5, 1.5))

    async def _take(self) -> None:
        self._ends_s = time.monotonic() + LEASE_TTL_S
        async with asyncio.timeout(LEASE_TTL_S / 2):
            self._kv = await self._bus.jetstream.key_value(LEASES)
            self._revision = await self._kv.create(self._key, _WHO)

    async def _serve(self) -> None:
        log.warning("%s: the duty is ours, token %d", self._key, self._revision)
        renewing = asyncio.create_task(self._renew())
        try:
            for component in self._duty(self._revision):
                self._running.append(component)
                await component.start()
            await renewing
        finally:
            renewing.cancel()
            log.warning("%s: the duty ends here", self._key)

    async def _renew(self) -> None:
        """Returns when the lease is lost, or might be."""
        while (left_s := self._ends_s - time.monotonic() - _MARGIN_S) > 0:
            await asyncio.sleep(min(LEASE_TTL_S / 3 * random.uniform(0.7, 1.0), left_s))
            asked_s = time.monotonic()
            try:
                async with asyncio.timeout(self._ends_s - _MARGIN_S - asked_s):
                    self._revision = await self._kv.update(self._key, _WHO, self._revision)
                self._ends_s = asked_s + LEASE_TTL_S
            except KeyWrongLastSequenceError:
                return
            except _AWAY as error:
                log.debug("%s is not renewed: %s", self._key, error)

    async def _end(self) -> None:
        while self._running:
            await self._running[-1].stop()
            self._running.pop()
        if not self._revision:
            return
        try:
            async with asyncio.timeout(LEASE_TTL_S / 3):
                await self._kv.delete(self._key, self._revision)
        except _AWAY as error:
            log.debug("%s expires by itself: %s", self._key, error)
        self._revision = 0
