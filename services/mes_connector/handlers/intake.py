"""Takes in what the mesh says to us."""

import logging

from services.mes_connector.domain.order import Order
from services.mes_connector.domain.progress import Note, Progress
from services.mes_connector.domain.work_request import WorkRequest
from services.mes_connector.handlers.commenter import Commenter
from services.mes_connector.handlers.pump import Pump
from services.mes_connector.handlers.tracker import Tracker
from services.mes_connector.handlers.world import REAL, World
from services.mes_connector.ports import Notes, Outbox

log = logging.getLogger("jidoka.mes")


class Intake:
    """Each method returns once what it was given is durable; the same again changes nothing. Raises Unavailable."""

    def __init__(
        self,
        outbox: Outbox,
        notes: Notes,
        pump: Pump,
        commenter: Commenter,
        tracker: Tracker,
        most_notes: int,
        world: World = REAL,
    ) -> None:
        """`most_notes` bounds what one order may get."""
        self._outbox = outbox
        self._notes = notes
        self._pump = pump
        self._commenter = commenter
        self._tracker = tracker
        self._most_notes = most_notes
        self._world = world

    async def take(self, request: WorkRequest, traceparent: str) -> None:
        """A wanted order."""
        if await self._outbox.add(Order.new(request, traceparent, self._world.now())):
            self._pump.wake()

    async def note(self, episode_id: str, note: Note) -> None:
        """News of an incident, for each of its orders."""
        if await self._notes.add(episode_id, note, self._most_notes):
            self._commenter.wake()

    async def requeue(self, key: str, person: str) -> None:
        """A person wants a dead order tried again; it is looked up first, and patience begins anew."""
        if await self._outbox.requeue(key, self._world.now()):
            log.warning("work request %s is tried again: %s said so", key, person)
            self._pump.wake()

    async def reported(self, progress: Progress) -> None:
        """The MES says by itself where an order stands."""
        await self._tracker.take(progress)
