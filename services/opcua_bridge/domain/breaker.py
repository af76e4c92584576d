"""How often one PLC is tried: soon while a failure may be chance, rarely when it keeps failing."""

from dataclasses import dataclass


@dataclass
class Breaker:
    """Closed it allows a try every `base_s`; after `opens_after` failures in a row it opens: pauses grow to `max_s`.

    A session that ends before it has lived `stable_s` is a failure as well: a PLC has few session slots, and a link
    that comes and goes would use them all up.
    """

    opens_after: int
    base_s: float
    max_s: float
    stable_s: float
    failures: int = 0

    @property
    def is_open(self) -> bool:
        """Whether the PLC is being spared."""
        return self.failures >= self.opens_after

    def pause_after(self, lived_s: float) -> float:
        """Note a session that lived so long (0: it never was); the longest pause before the next one, in seconds."""
        self.failures = 0 if lived_s >= self.stable_s else self.failures + 1
        beyond = min(self.failures - self.opens_after + 1, 32) if self.is_open else 0
        return min(self.base_s * float(2**beyond), self.max_s)
