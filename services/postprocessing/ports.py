"""What postprocessing needs from outside."""

from typing import Protocol

from services.postprocessing.domain.checkpoint import RuleState
from services.postprocessing.domain.rules import Action


class Checkpoint(Protocol):
    """A shortcut past re-reading the stream; the stream stays the truth."""

    async def load(self) -> RuleState:
        """The last state saved; a fresh one when there is none or it cannot be read."""
        ...

    async def save(self, state: RuleState) -> None:
        """Keep the state; a store that is away costs only a longer rebuild."""
        ...


class Actions(Protocol):
    """Where fired rules go."""

    async def emit(self, place: str, action: Action) -> None:
        """Say it durably. Raises Unavailable: then the event that fired it is folded again."""
        ...
