"""A log line that may come a thousand times a second: said once in a while, with how many were kept back (R8)."""

import time
from collections.abc import Callable, Hashable


class Quiet:
    """Remembers when each kind was said last; the kinds are few, and known to whoever asks."""

    def __init__(self, every_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s, self._clock = every_s, clock
        self._said: dict[Hashable, tuple[float, int]] = {}

    def kept_back(self, kind: Hashable) -> int | None:
        """How many of this kind were kept back since the last that was said; None: keep this one back as well."""
        now_s = self._clock()
        said_s, kept = self._said.get(kind, (float("-inf"), 0))
        if now_s - said_s < self._every_s:
            self._said[kind] = said_s, kept + 1
            return None
        self._said[kind] = now_s, 0
        return kept
