"""Processes that strive for the same duties share them out: each says that it is there, none keeps more than its share.

Or the first one would take all of them and keep them for as long as it lives, and the others would only stand by.
"""

import asyncio
import hashlib
import logging
import random
import secrets
import time
from typing import Any, Protocol

from services.chassis.bus import Bus
from services.chassis.reader import AWAY
from services.chassis.run import cancel, spawn
from services.contracts.subjects import LEASE_TTL_S, LEASES

log = logging.getLogger("jidoka.crew")
_LOOK_S = LEASE_TTL_S / 3
_PAUSE_S, _PAUSE_MAX_S = 1.0, 300.0


class Shared(Protocol):
    """A lease, as the crew sees it."""

    @property
    def key(self) -> str: ...
    @property
    def held(self) -> bool: ...
    def hand_over(self) -> None: ...


def share(duties: int, members: int) -> int:
    """How many duties one of so many members may keep: together they keep all."""
    return -(-duties // max(members, 1))


class Crew:
    """What the leases of one process know of the other processes; a crew of one until the broker names more."""

    def __init__(self, bus: Bus) -> None:
        """Start it before the leases that are given it."""
        self._bus = bus
        self._leases: list[Shared] = []
        self._name = ""
        self._members = 1
        self._handed: Shared | None = None
        self._pause_s, self._not_before_s = _PAUSE_S, 0.0
        self._task: asyncio.Task[Any] | None = None

    def join(self, lease: Shared) -> None:
        """A duty that is shared out."""
        self._leases.append(lease)

    def has_room(self) -> bool:
        """Whether we hold less than our share; who does not leaves a free duty to others, at first."""
        return self._held() < self._share()

    async def start(self) -> None:
        """Say that we are here and look who else is, before the first lease is striven for."""
        keys = " ".join(sorted(lease.key for lease in self._leases))
        group = hashlib.sha256(keys.encode()).hexdigest()[:12]  # who strives for other duties is no help with these
        self._group = f"{self._bus.user}.members.{group}"
        self._name = f"{self._group}.{secrets.token_hex(6)}"
        await self._look()
        self._task = spawn(self._look_forever(), "crew")

    async def stop(self) -> None:
        """Say that we go."""
        await cancel(self._task)
        try:
            async with asyncio.timeout(LEASE_TTL_S / 3):
                await (await self._bus.jetstream.key_value(LEASES)).delete(self._name)
        except AWAY as error:
            log.debug("our name expires by itself: %s", error)

    def _held(self) -> int:
        return sum(lease.held for lease in self._leases)

    def _share(self) -> int:
        return share(len(self._leases), self._members)

    async def _look_forever(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S * random.uniform(0.7, 1.0))
            if await self._look():
                self._share_out()

    async def _look(self) -> bool:
        try:
            async with asyncio.timeout(LEASE_TTL_S / 2):
                await (await self._bus.jetstream.key_value(LEASES)).put(self._name, b"here")
                names = f"$KV.{LEASES}.{self._group}.>"
                found = await self._bus.jetstream.stream_info(f"KV_{LEASES}", subjects_filter=names)
        except AWAY as error:
            log.debug("who else is there is not known just now: %s", error)
            return False
        self._members = len(found.state.subjects or {})
        return True

    def _share_out(self) -> None:
        """Hand one over when we have too many, and the next one only when somebody has taken it."""
        now = time.monotonic()
        if self._handed is not None:
            if now < self._not_before_s:
                return
            # Nobody took it, so it is ours again: the others cannot, and are asked ever more rarely.
            self._pause_s = min(self._pause_s * 2, _PAUSE_MAX_S) if self._handed.held else _PAUSE_S
            self._not_before_s = now + (self._pause_s if self._handed.held else 0.0)
            self._handed = None
        if self._held() > self._share() and now >= self._not_before_s:
            self._handed = random.choice([lease for lease in self._leases if lease.held])
            self._not_before_s = now + LEASE_TTL_S * random.uniform(0.8, 1.2)
            log.info("%s is handed over: we are %d with %d duties", self._handed.key, self._members, len(self._leases))
            self._handed.hand_over()
