"""What postprocessing needs from outside."""

from typing import NamedTuple, Protocol

from services.postprocessing.domain.attribution import Cause
from services.postprocessing.domain.checkpoint import LineFold
from services.postprocessing.domain.rules.action import Action
from services.postprocessing.domain.rules.rule import RuleBook


class Checkpoint(Protocol):
    """A line's shortcut past re-reading the stream; the stream stays the truth."""

    async def load(self) -> LineFold:
        """The last fold saved; a fresh one when there is none or it cannot be read.

        From here on no earlier holder of the line can save. Raises Unavailable when a later one already has.
        """
        ...

    async def save(self, fold: LineFold) -> bool:
        """Keep it, all or nothing; False: it was not kept, try again, it costs only a rebuild."""
        ...


class Actions(Protocol):
    """Where fired rules go."""

    async def emit(self, line: str, action: Action, causes: tuple[Cause, ...]) -> None:
        """Say it durably, with what explains it. Raises Unavailable: then the event that fired it is folded again."""
        ...


class RuleSource(Protocol):
    """Where people write the rules."""

    def changed(self) -> str | None:
        """The rules' text when it is new; None: nothing changed.

        Raises ValueError (PlantError is one) or Invalid for rules that cannot be used.
        """
        ...


class Compile(Protocol):
    """Turns a rule text into what is folded."""

    def __call__(self, text: str) -> RuleBook:
        """Raises Invalid for a text that holds no rules."""
        ...


class InForce(NamedTuple):
    """The rules that a site is judged by; version 0: none were told."""

    version: int = 0
    text: str = ""


class Facts(Protocol):
    """What postprocessing itself puts into the stream that it folds, so that every replay knows it, too."""

    async def rules_in_force(self, site: str) -> InForce:
        """What was activated last. Raises Unavailable."""
        ...

    async def rules_activated(self, site: str, text: str) -> None:
        """From here on these rules. Raises Unavailable."""
        ...

    async def station_silent(self, line: str, station: str, since_s: float, now_s: float) -> None:
        """Nothing came from a station for a while. Raises Unavailable."""
        ...
