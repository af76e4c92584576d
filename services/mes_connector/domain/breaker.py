"""Back-off, and the circuit breaker that leaves a troubled MES alone."""

from dataclasses import dataclass, replace
from enum import Enum

from services.mes_connector.domain.answer import Answer, Outcome

_MOST_DOUBLINGS = 32


def ceiling_s(tries: int, base_s: float, cap_s: float) -> float:
    """The longest wait after `tries` failures: doubles from `base_s` up to `cap_s`."""
    return min(cap_s, base_s * 2.0 ** min(max(tries - 1, 0), _MOST_DOUBLINGS))


def backoff_s(tries: int, base_s: float, cap_s: float, draw: float) -> float:
    """The wait after `tries` failures with full jitter; `draw` is random in 0 .. 1."""
    return draw * ceiling_s(tries, base_s, cap_s)


class Circuit(Enum):
    """CLOSED: orders flow. OPEN: the MES is left alone. HALF_OPEN: one probe decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True)
class Breaker:
    """Opens after `threshold` failures in a row, at once when locked out, and when the MES asks for a pause."""

    threshold: int
    base_s: float
    cap_s: float
    failures: int = 0
    trips: int = 0
    probes_at: float = 0.0
    """Unix seconds of the next probe; 0 while closed."""
    locked_out: bool = False

    def circuit(self, now: float) -> Circuit:
        """Which of its three states it is in."""
        if not self.probes_at:
            return Circuit.CLOSED
        return Circuit.OPEN if now < self.probes_at else Circuit.HALF_OPEN

    def after(self, answer: Answer, now: float, draw: float) -> "Breaker":
        """The breaker once it has heard an answer; `draw` is random in 0 .. 1."""
        locked_out = answer.outcome is Outcome.LOCKED_OUT
        if not (answer.failed or locked_out):
            return Breaker(self.threshold, self.base_s, self.cap_s)
        failures = self.failures + 1
        if not (locked_out or self.probes_at or failures >= self.threshold or answer.retry_after_s):
            return replace(self, failures=failures)
        trips = self.trips + 1
        # At least half of the ceiling: a breaker that closes at once protects nobody.
        wait_s = backoff_s(trips, self.base_s, self.cap_s, (1 + draw) / 2)
        probes_at = now + max(wait_s, answer.retry_after_s)
        return replace(self, failures=failures, trips=trips, probes_at=probes_at, locked_out=locked_out)
