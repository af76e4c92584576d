"""When the model server is restarted: a state machine over probe results."""

from dataclasses import dataclass, replace
from enum import Enum, auto


class Phase(Enum):
    """Where one server stands in its life."""

    STARTING = auto()
    READY = auto()
    SUSPECT = auto()
    RESTARTING = auto()


class Sign(Enum):
    """What one look at the server and its models showed."""

    ANSWERS = auto()
    SILENT = auto()


class Decision(Enum):
    """What follows from a sign."""

    OK = auto()
    WAIT = auto()
    RESTART = auto()


@dataclass(frozen=True)
class Backoff:
    """Pauses that double from `base_s` up to `cap_s`."""

    base_s: float
    cap_s: float

    def delay_s(self, attempt: int, jitter: float) -> float:
        """The pause before try number `attempt` (1 = first): between half and all of its step, by `jitter` 0..1."""
        step_s = min(self.cap_s, self.base_s * 2.0 ** min(attempt - 1, 32))
        return step_s * (0.5 + 0.5 * jitter)


@dataclass(frozen=True)
class Policy:
    """How patient the supervision is."""

    start_deadline_s: float
    """How long a server may take until it answers."""
    misses: int
    """So many silent looks in a row mean a restart."""
    backoff: Backoff
    budget: int
    """So many restarts within `window_s` are quick; then each waits for the longest pause."""
    window_s: float


@dataclass(frozen=True)
class Supervision:
    """The state; every transition returns the next one. Times are seconds of any monotonic clock."""

    phase: Phase = Phase.RESTARTING
    since_s: float = 0.0
    misses: int = 0
    restarts: tuple[float, ...] = ()
    not_before_s: float = 0.0

    def launched(self, now_s: float) -> "Supervision":
        """A new server process runs."""
        return replace(self, phase=Phase.STARTING, since_s=now_s, misses=0)

    def seen(self, sign: Sign, now_s: float, policy: Policy) -> tuple["Supervision", Decision]:
        """One look; silence is forgiven while starting, and a few times later."""
        if self.phase is Phase.RESTARTING:
            return self, Decision.WAIT
        if sign is Sign.ANSWERS:
            since_s = self.since_s if self.phase is Phase.READY else now_s
            return replace(self, phase=Phase.READY, since_s=since_s, misses=0), Decision.OK
        if self.phase is Phase.STARTING:
            late = now_s - self.since_s >= policy.start_deadline_s
            return self, Decision.RESTART if late else Decision.WAIT
        state = replace(self, phase=Phase.SUSPECT, misses=self.misses + 1)
        return state, Decision.RESTART if state.misses >= policy.misses else Decision.WAIT

    def ended(self, now_s: float, jitter: float, policy: Policy) -> "Supervision":
        """The server is gone, by itself or by our decision: the next may start at `not_before_s`."""
        restarts = (*(at_s for at_s in self.restarts if now_s - at_s < policy.window_s), now_s)
        attempt = len(restarts) if len(restarts) <= policy.budget else 64
        pause_s = policy.backoff.delay_s(attempt, jitter)
        kept = restarts[-(policy.budget + 1) :]
        return replace(self, phase=Phase.RESTARTING, since_s=now_s, restarts=kept, not_before_s=now_s + pause_s)

    def exhausted(self, policy: Policy) -> bool:
        """Whether the budget of quick restarts is used up: somebody should look."""
        return len(self.restarts) > policy.budget
