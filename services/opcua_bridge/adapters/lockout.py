"""Wrong passwords cost time: after a few, who guesses waits; and the table of those who guess has an end."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

_FREE, _LONGEST_S = 5, 60.0
# Of a certificate, whatever the names: a guess every 2 s costs 2 % of the loop, and a neighbour at the panel no time.
_FREE_OF_ONE, _LONGEST_OF_ONE_S, _FORGOTTEN_S = 20, 2.0, 600.0
_FIRST_S = 1.0
_KNOWN = 256


class Lockout:
    """Counts failures in a row per key; after a rest of `forgotten_s` it counts anew."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        free: int = _FREE,
        longest_s: float = _LONGEST_S,
        forgotten_s: float = math.inf,
    ) -> None:
        self._clock = clock
        self._free, self._longest_s, self._forgotten_s = free, longest_s, forgotten_s
        self._failed: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()

    def waits_s(self, key: Hashable) -> float:
        """How many seconds this one still has to wait; 0: it may try."""
        _, until = self._failed.get(key, (0, 0.0))
        return max(0.0, until - self._clock())

    def failed(self, key: Hashable) -> None:
        """One more wrong password: from the `free`-th on 1 s, 2 s, 4 s ... `longest_s`."""
        count, until = self._failed.pop(key, (0, 0.0))
        count = 1 if self._clock() - until > self._forgotten_s else count + 1
        pause_s = min(self._longest_s, _FIRST_S * 2 ** min(count - self._free, 10)) if count >= self._free else 0.0
        self._failed[key] = count, self._clock() + pause_s
        if len(self._failed) > _KNOWN:
            self._failed.popitem(last=False)

    def passed(self, key: Hashable) -> None:
        """The right password: all is forgotten."""
        self._failed.pop(key, None)


class PerCertificate:
    """By name with the client's certificate, so nobody locks out another for long; and by certificate alone (B21).

    Who rotates names is slowed, too. The right password frees its own name only: a guesser may have an account.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._names = Lockout(clock)
        self._certificates = Lockout(clock, _FREE_OF_ONE, _LONGEST_OF_ONE_S, _FORGOTTEN_S)

    def waits_s(self, name: str, certificate: str) -> float:
        """How many seconds this one still has to wait; 0: it may try."""
        return max(self._names.waits_s((name, certificate)), self._certificates.waits_s(certificate))

    def failed(self, name: str, certificate: str) -> None:
        """One more wrong password."""
        self._names.failed((name, certificate))
        self._certificates.failed(certificate)

    def passed(self, name: str, certificate: str) -> None:
        """The right password."""
        self._names.passed((name, certificate))
