"""Follows what the lines work on."""

from jidoka.context.v1 import context_pb2

from services.chassis.bus import Bus
from services.chassis.streams import Delivery, Route, Story
from services.contracts.subjects import CONTEXT_CHANGED, CONTEXT_DECLARED, STATION
from services.preprocessing.domain.context import Change, ContextBook, Setup

_WHOLE_LINE = "all"
_SUBJECTS = (CONTEXT_CHANGED, CONTEXT_DECLARED)


class ContextReader:
    """Reads all that the stream keeps into the book, which is complete before the first frame is admitted."""

    def __init__(self, bus: Bus, book: ContextBook) -> None:
        self._book = book
        routes = [Route(subject.everywhere, context_pb2.ContextChanged, self._take) for subject in _SUBJECTS]
        self._story = Story(bus, STATION.name, routes, name="contexts")

    def healthy(self) -> bool:
        """Whether what the lines work on can be read."""
        return self._story.healthy()

    async def start(self) -> None:
        """Returns when everything that was said before stands in the book; waits for what is away."""
        await self._story.start()
        await self._story.caught_up()

    async def stop(self) -> None:
        await self._story.stop()

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
