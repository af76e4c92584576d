"""Streams that fill, as one sentence for whoever minds the line."""

from collections.abc import Iterable
from dataclasses import dataclass

RAISED_AT, CLEARED_AT = 0.8, 0.75  # apart, so that a stream at the limit does not flutter


@dataclass(frozen=True)
class Fill:
    """How full a stream is, 0 to 1."""

    stream: str
    ratio: float
    oldest_is_due: bool = False
    """Its oldest fact has been kept as long as promised: then it may as well be full."""


class Filling:
    """Remembers which streams are an alarm."""

    def __init__(self) -> None:
        self._standing: set[str] = set()

    def seen(self, fills: Iterable[Fill]) -> str:
        """What is to be said now; empty: nothing. It names streams and no figures: those change all the time."""
        self._standing = {
            fill.stream
            for fill in fills
            if not fill.oldest_is_due and fill.ratio >= (CLEARED_AT if fill.stream in self._standing else RAISED_AT)
        }
        if not self._standing:
            return ""
        named = ", ".join(sorted(self._standing))
        return (
            f"the broker's streams are over {RAISED_AT:.0%} full: {named}; soon their oldest facts go before their "
            "time (golden templates: no new ones are taken): look who writes so much, or raise max_bytes in "
            "services/contracts/subjects.py"
        )
