"""Wrong passwords cost time: after a few, who guesses waits; and the table of those who guess has an end."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

_FREE = 5
_FIRST_S, _LONGEST_S = 1.0, 60.0
_KNOWN = 256


class Lockout:
    """Counts failures in a row per key (user name with the client's certificate, so nobody locks out another)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()

    def waits_s(self, key: Hashable) -> float:
        """How many seconds this one still has to wait; 0: it may try."""
        _, until = self._failed.get(key, (0, 0.0))
        return max(0.0, until - self._clock())

    def failed(self, key: Hashable) -> None:
        """One more wrong password: from the fifth on 1 s, 2 s, 4 s ... 60 s."""
        count = self._failed.pop(key, (0, 0.0))[0] + 1
        pause_s = min(_LONGEST_S, _FIRST_S * 2 ** min(count - _FREE, 10)) if count >= _FREE else 0.0
        self._failed[key] = count, self._clock() + pause_s
        if len(self._failed) > _KNOWN:
            self._failed.popitem(last=False)

    def passed(self, key: Hashable) -> None:
        """The right password: all is forgotten."""
        self._failed.pop(key, None)
