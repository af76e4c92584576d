"""Tells the mesh what a line works on from now on, as SCADA and the MES say it over OPC UA."""

import itertools
import time

from jidoka.context.v1 import context_pb2

from services.chassis.bus import Bus
from services.contracts.subjects import CONTEXT_CHANGED
from services.opcua_bridge.adapters.wire import path_of, place_of, timestamp_of
from services.opcua_bridge.domain.context import ContextChange
from services.opcua_bridge.domain.line import StationName

_WHOLE_LINE = "all"
_DEADLINE_S = 0.8  # asyncua answers a client's requests one after the other, and some clients give up after 1 s


class BusContexts:
    """Publishes each change once: an answer is given only when the broker has stored it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._life = time.time_ns()
        self._count = itertools.count()

    async def changed(self, change: ContextChange) -> None:
        """Raises Unavailable when the broker did not store it."""
        at = change.at or self._bus.clock.now_s()
        where = StationName(change.line, change.station or _WHOLE_LINE)
        message = context_pb2.ContextChanged(
            station=path_of(where),
            lot_id=change.lot,
            material=change.material,
            supplier=change.supplier,
            recipe=change.recipe,
            tool=change.tool,
            job_order_id=change.job_order,
            source=change.source,
            changed_at=timestamp_of(at),
        )
        # What is told as of a time may be told by every bridge that reads it back (B9): it is the same fact.
        said = f"{change.job_order}:{at:.6f}" if change.at else f"{self._life}:{next(self._count)}"
        msg_id = f"{where}:context:{said}"
        await self._bus.publish(CONTEXT_CHANGED.at(place_of(where)), message, msg_id, deadline_s=_DEADLINE_S)
