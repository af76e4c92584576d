"""Follows what the lines work on."""

import asyncio
import logging

from jidoka.context.v1 import context_pb2
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from services.chassis.bus import Bus
from services.chassis.streams import Delivery, Follower, Route
from services.contracts.subjects import CONTEXT_CHANGED, CONTEXT_DECLARED, STATION
from services.preprocessing.domain.context import Change, ContextBook, Setup

log = logging.getLogger("jidoka.preprocessing")
_WHOLE_LINE = "all"
_SUBJECTS = (CONTEXT_CHANGED, CONTEXT_DECLARED)
_LOOK_S, _PAUSE_S = 0.02, 1.0


class ContextReader:
    """Reads all that the stream keeps into the book, which is complete before the first frame is admitted."""

    def __init__(self, bus: Bus, book: ContextBook) -> None:
        self._bus = bus
        self._book = book
        self._position = 0
        routes = [Route(subject.everywhere, context_pb2.ContextChanged, self._take) for subject in _SUBJECTS]
        self._follower = Follower(bus, STATION.name, routes, lambda: self._position)

    async def start(self) -> None:
        """Returns when everything that was said before stands in the book; waits for a broker that is away."""
        await self._follower.start()
        last = max([await self._last(subject.everywhere) for subject in _SUBJECTS])
        while self._position < last:  # noqa: ASYNC110  # a follower has no event for it
            await asyncio.sleep(_LOOK_S)

    async def stop(self) -> None:
        await self._follower.stop()

    async def _last(self, subject: str) -> int:
        while True:
            try:
                return (await self._bus.jetstream.get_last_msg(STATION.name, subject)).seq or 0
            except NotFoundError:
                return 0
            except (NatsError, TimeoutError, OSError) as error:
                log.warning("waiting for the broker to say what the lines work on: %s", error)
                await asyncio.sleep(_PAUSE_S)

    async def _take(self, message: context_pb2.ContextChanged, delivery: Delivery) -> None:
        at = message.station
        setup = Setup(
            lot=message.lot_id,
            material=message.material,
            supplier=message.supplier,
            recipe=message.recipe,
            tool=message.tool,
            job_order=message.job_order_id,
        )
        at_s = message.changed_at.ToMicroseconds() / 1e6 or delivery.stored_at.timestamp()
        station = "" if at.station == _WHOLE_LINE else at.station
        self._book.take(f"{at.site}/{at.line}", Change(at_s, station, setup))
        self._position = delivery.sequence
