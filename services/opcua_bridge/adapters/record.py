"""What the clients of our OPC UA server did and were refused, as facts that the broker keeps for a year."""

import asyncio
import itertools
import logging
import time

from jidoka.audit.v1 import audit_pb2

from services.chassis.backoff import Backoff
from services.chassis.bus import Bus
from services.chassis.errors import Unavailable
from services.contracts.plant import Place
from services.contracts.subjects import AUDIT_RECORDED
from services.opcua_bridge.adapters.audit import Entry
from services.opcua_bridge.adapters.wire import WHO, timestamp_of

_NOWHERE = Place("all", "all", "all")  # a log-in is about no line
_PAUSE_MAX_S = 5.0
log = logging.getLogger("jidoka.opcua.audit")


class BusRecord:
    """Takes one entry after the other for as long as that takes: what cannot wait any more, `Audit` counts.

    SCADA is served before the broker is there: entries of before `start` wait.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._open = asyncio.Event()
        self._life = time.time_ns()
        self._count = itertools.count()
        self._away = False

    async def start(self) -> None:
        """From here on the broker can be reached."""
        self._open.set()

    async def stop(self) -> None:
        """What comes now is only in the log."""
        self._open.clear()

    async def take(self, entry: Entry) -> None:
        """Return when the broker has stored it; a broker that is away is missed once, not for each entry."""
        await self._open.wait()
        message, msg_id = _fact(entry), f"{WHO}:audit:{self._life}:{next(self._count)}"
        backoff = Backoff(0.2, _PAUSE_MAX_S)
        while True:
            try:
                await self._bus.publish(AUDIT_RECORDED.at(_NOWHERE), message, msg_id)
                break
            except Unavailable as error:
                if not self._away:
                    log.error("audit entries wait, for now they are only here: %s", error)
                self._away = True
            await backoff.wait()
        if self._away:
            log.warning("audit entries are stored again")
            self._away = False


def _fact(entry: Entry) -> audit_pb2.Recorded:
    return audit_pb2.Recorded(
        user=entry.caller.user,
        role=entry.caller.role,
        thumbprint=entry.caller.thumbprint,
        peer=entry.caller.peer,
        act=entry.act,
        node=entry.node,
        arguments=entry.arguments,
        result=entry.result,
        bridge=WHO,
        at=timestamp_of(entry.at),
    )
