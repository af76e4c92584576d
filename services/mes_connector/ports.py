"""What the use cases need from outside."""

from collections.abc import Sequence
from typing import Protocol

from services.mes_connector.domain.answer import Answer
from services.mes_connector.domain.order import Backlog, Order


class Mes(Protocol):
    """The plant's MES. Never raises: whatever happens is an Answer."""

    async def find(self, key: str) -> Answer:
        """OPENED with its number, ABSENT, or a failure."""
        ...

    async def create(self, order: Order) -> Answer:
        """OPENED with its number, or a failure."""
        ...

    async def probe(self) -> Answer:
        """Ask what changes nothing, to learn whether it is there and takes our credentials."""
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

    async def unannounced(self, limit: int) -> Sequence[Order]:
        """Orders that ended and whose end was not told yet."""
        ...

    async def announced(self, key: str) -> None:
        """Remember that the end was told."""
        ...

    async def backlog(self) -> Backlog:
        """The figures."""
        ...


class Herald(Protocol):
    """Tells the mesh how an order ended."""

    async def announce(self, order: Order) -> None:
        """Say it; returns once the broker has it. Raises Unavailable."""
        ...
