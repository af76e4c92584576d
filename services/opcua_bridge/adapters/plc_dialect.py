"""What the link needs to know of a PLC's way to be asked: three dialects implement it."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from services.opcua_bridge.adapters.plc_tags import Kinds, Tags
from services.opcua_bridge.domain.line import PlcView
from services.opcua_bridge.domain.numbering import Claim
from services.opcua_bridge.ports import Command

Claimer = Callable[[int], Awaitable[Claim]]
"""A newer claim on the PLC than any before, given its last command id. Raises Unavailable."""


class Dialect(Protocol):
    """One session at a time; `open` begins it. All may raise what reading and writing raise."""

    @property
    def kinds(self) -> Kinds:
        """The type of every variable that it may use."""

    @property
    def watched(self) -> tuple[str, ...]:
        """The variables whose changes are worth a look."""

    @property
    def once(self) -> bool:
        """Whether a command may be said only once, for want of a number that makes repetitions harmless."""

    @property
    def answers_claims(self) -> bool:
        """Whether a view with a link proves that the PLC's program runs; otherwise its heartbeat has to."""

    async def open(self, tags: Tags, claims: Claimer, /) -> None: ...
    async def look(self, tags: Tags, /) -> PlcView: ...
    async def hold(self, tags: Tags, command: Command, /) -> None: ...
    async def let_go(self, tags: Tags, /) -> None: ...
