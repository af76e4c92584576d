"""What postprocessing needs from outside."""

from collections.abc import Collection
from typing import Protocol

from services.postprocessing.domain.checkpoint import RuleState
from services.postprocessing.domain.rules.action import Action
from services.postprocessing.domain.rules.rule import RuleBook


class Checkpoint(Protocol):
    """A shortcut past re-reading the stream; the stream stays the truth."""

    async def load(self) -> RuleState:
        """The last state saved; a fresh one when there is none or it cannot be read."""
        ...

    async def save(self, state: RuleState, changed: Collection[str]) -> bool:
        """Keep position, rules and the changed lines, all or nothing; False: try again, it costs only a rebuild."""
        ...


class Actions(Protocol):
    """Where fired rules go."""

    async def emit(self, line: str, action: Action) -> None:
        """Say it durably. Raises Unavailable: then the event that fired it is folded again."""
        ...


class RuleSource(Protocol):
    """Where people write the rules."""

    def changed(self) -> str | None:
        """The rules' text when it is new; None: nothing changed. Raises ValueError for rules that cannot be used."""
        ...


class Compile(Protocol):
    """Turns a rule text into what is folded."""

    def __call__(self, text: str) -> RuleBook:
        """Raises Invalid for a text that holds no rules."""
        ...


class Facts(Protocol):
    """What postprocessing itself puts into the stream that it folds, so that every replay knows it, too."""

    async def rules_activated(self, text: str) -> None:
        """From here on these rules. Raises Unavailable."""
        ...

    async def station_silent(self, line: str, station: str, since_s: float, now_s: float) -> None:
        """Nothing came from a station for a while. Raises Unavailable."""
        ...
