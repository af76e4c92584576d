"""One row of the outbox: a work request on its way into the MES. Times are Unix seconds."""

from dataclasses import dataclass, replace
from enum import Enum, StrEnum

from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.breaker import Breaker, Circuit, backoff_s
from services.mes_connector.domain.work_request import WorkRequest


class State(StrEnum):
    """NEW: to be carried (again). INFLIGHT: somebody is at it, or died over it. SENT and DEAD are the two ends."""

    NEW = "NEW"
    INFLIGHT = "INFLIGHT"
    SENT = "SENT"
    DEAD = "DEAD"


OPEN_STATES = (State.NEW, State.INFLIGHT)


class Step(Enum):
    """What to do with an open order now."""

    WAIT = "wait"
    CREATE = "create"
    LOOK_UP = "look up, and create only what is not there"
    GIVE_UP = "give up"


@dataclass(frozen=True)
class Patience:
    """How long to wait for what (seconds)."""

    deadline_s: float
    base_s: float
    cap_s: float
    after_timeout_s: float
    give_up_s: float


@dataclass(frozen=True)
class Order:
    """A work request with what became of it so far."""

    request: WorkRequest
    created_at: float
    next_attempt_at: float
    updated_at: float
    traceparent: str = ""
    state: State = State.NEW
    attempts: int = 0
    external_id: str = ""
    last_error: str = ""

    @classmethod
    def new(cls, request: WorkRequest, traceparent: str, now: float) -> "Order":
        """An order that has just been asked for."""
        return cls(request, created_at=now, next_attempt_at=now, updated_at=now, traceparent=traceparent)

    def next_step(self, now: float, breaker: Breaker, patience: Patience) -> Step:
        """What to do with this order, which is due."""
        if breaker.circuit(now) is Circuit.CLOSED:
            return Step.LOOK_UP if self.attempts else Step.CREATE
        # Wrong credentials are not the orders' fault: they wait for as long as it takes.
        tired = self._is_tired(now, patience) and not breaker.locked_out
        return Step.GIVE_UP if tired else Step.WAIT

    def claimed(self, now: float, patience: Patience) -> "Order":
        """The order while it is attempted.

        Whoever finds it like this after a crash finds it due only when the MES can no longer be at work on it: a claim
        is a deadline old at most when it is used, for a look-up and a request.
        """
        free_at = now + 3 * patience.deadline_s + patience.after_timeout_s
        return replace(self, state=State.INFLIGHT, attempts=self.attempts + 1, next_attempt_at=free_at, updated_at=now)

    def settled(self, answer: Answer, now: float, patience: Patience, draw: float) -> "Order":
        """The order after an attempt; `draw` is random in 0 .. 1."""
        heard = replace(self, updated_at=now, last_error=answer.reason)
        if answer.outcome is Outcome.OPENED:
            return replace(heard, state=State.SENT, external_id=answer.external_id, last_error="")
        if answer.outcome is Outcome.REFUSED:
            return replace(heard, state=State.DEAD)
        if answer.failed and self._is_tired(now, patience):
            return heard.given_up(now)
        wait_s = backoff_s(self.attempts, patience.base_s, patience.cap_s, draw)
        if answer.outcome is Outcome.UNKNOWN:
            wait_s = max(wait_s, patience.after_timeout_s)
        return replace(heard, state=State.NEW, next_attempt_at=now + max(wait_s, answer.retry_after_s))

    def given_up(self, now: float) -> "Order":
        """The order when patience has ended."""
        waited_h = (now - self.created_at) / 3600
        reason = f"given up after {waited_h:.1f} h and {self.attempts} attempts; last: {self.last_error or 'none made'}"
        return replace(self, state=State.DEAD, last_error=reason, updated_at=now)

    def requeued(self, now: float) -> "Order":
        """The order when a person has mended what it died of: patience begins anew, and the look-up comes first."""
        return replace(self, state=State.NEW, created_at=now, next_attempt_at=now, updated_at=now)

    def _is_tired(self, now: float, patience: Patience) -> bool:
        return now - self.created_at >= patience.give_up_s


@dataclass(frozen=True)
class Backlog:
    """What the outbox holds: open orders, dead ones, the oldest open one, and the next that is due."""

    depth: int
    dead: int
    oldest_at: float | None
    next_attempt_at: float | None
