"""What the use cases need from outside."""

from collections.abc import Sequence
from typing import Protocol

from services.mes_connector.domain.answer import Answer
from services.mes_connector.domain.order import Backlog, Order
from services.mes_connector.domain.progress import Filed, Finding, Note, PendingNote, Polled, Preview, Progress


class Mes(Protocol):
    """The plant's MES. Never raises: whatever happens is an Answer."""

    async def find(self, key: str) -> Answer:
        """OPENED with its number, ABSENT, or a failure."""
        ...

    async def create(self, order: Order) -> Answer:
        """OPENED with its number, or a failure."""
        ...

    async def comment(self, external_id: str, note: Note) -> Answer:
        """OPENED when the note stands at the order, also when it stood there before; ABSENT: no such order."""
        ...

    async def progress(self, orders: Sequence[Filed]) -> Polled:
        """Where these orders stand; one that the MES does not know any more is GONE."""
        ...

    async def probe(self) -> Answer:
        """Ask what changes nothing, to learn whether it is there and takes our credentials."""
        ...

    async def examine(self) -> Sequence[Finding]:
        """Look at credentials, fields, permissions and every reference of the mapping; changes nothing."""
        ...

    def preview(self, order: Order) -> Preview:
        """The request that `create` would send, without its secrets. Raises BadRequest for what cannot be mapped."""
        ...


class Outbox(Protocol):
    """Orders, durable once a method has returned. Raises Unavailable while the database is away."""

    async def add(self, order: Order) -> bool:
        """Keep a new order; False: its key is there already, nothing changed."""
        ...

    async def due(self, now: float, limit: int) -> Sequence[Order]:
        """Open orders whose time has come, oldest first."""
        ...

    async def write(self, order: Order, attempts: int) -> bool:
        """Replace the row if it still stands at `attempts`; False: somebody else was faster."""
        ...

    async def requeue(self, key: str, now: float) -> bool:
        """Open a dead order again; False: there is none with this key."""
        ...

    async def unannounced(self, limit: int) -> Sequence[Order]:
        """Orders that ended and whose end was not told yet."""
        ...

    async def announced(self, order: Order) -> None:
        """Remember that this end was told; an order that goes on meanwhile has another one."""
        ...

    async def backlog(self) -> Backlog:
        """The figures."""
        ...


class FollowUp(Protocol):
    """Where orders stand in the MES. Raises Unavailable while the database is away."""

    async def open_orders(self, asked_before: float, limit: int) -> dict[Filed, float]:
        """Orders that stand there, have not ended, and were last asked after before this; with when they were filed."""
        ...

    async def asked(self, keys: Sequence[str], now: float) -> None:
        """Remember when these were asked after."""
        ...

    async def progressed(self, progress: Progress, now: float) -> bool:
        """Keep it, also of an order on its way; False: nothing new, an unknown order, or one that has ended already."""
        ...

    async def untold(self, limit: int) -> Sequence[tuple[Order, Progress]]:
        """Orders that have ended in the MES, which was not told yet; none that is still on its way."""
        ...

    async def told(self, key: str) -> None:
        """Remember that the end was told."""
        ...


class Notes(Protocol):
    """Comments on their way. Raises Unavailable while the database is away."""

    async def add(self, episode_id: str, note: Note, most: int) -> bool:
        """Keep it for each order of the incident that has less than `most`; False: nothing new."""
        ...

    async def due(self, now: float, limit: int) -> Sequence[PendingNote]:
        """Notes whose time has come, for orders that stand in the MES and have not ended; oldest first."""
        ...

    async def settled(self, pending: PendingNote) -> None:
        """It stands there, or never will."""
        ...

    async def postponed(self, pending: PendingNote, until: float) -> None:
        """It was tried in vain; again at `until` (Unix seconds)."""
        ...


class Herald(Protocol):
    """Tells the mesh what became of an order."""

    async def announce(self, order: Order) -> None:
        """It stands in the MES, or is dead; returns once the broker has it. Raises Unavailable."""
        ...

    async def ended(self, order: Order, progress: Progress) -> None:
        """It was completed, cancelled or deleted there; returns once the broker has it. Raises Unavailable."""
        ...
