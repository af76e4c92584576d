"""The handshake with a PLC for one pause request: only a confirmed stop is believed, none is sent late.

`step(now, view)` is pure: it says what to do next. Times are seconds of the epoch.
"""

from dataclasses import dataclass
from enum import Enum

from services.opcua_bridge.domain.line import HELD, PlcView

ACCEPTED, DONE, REJECTED, EXPIRED = 1, 2, 3, 4  # AckCode
_EPOCH_SHIFT, _SEQUENCE_MASK, _HALF = 24, 0xFFFFFF, 0x800000


class State(Enum):
    """Where the handshake stands."""

    IDLE = "idle"
    SENT = "sent"
    ACKED = "acked"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    ACK_TIMEOUT = "ack_timeout"
    STATE_TIMEOUT = "state_timeout"
    LINK_DOWN = "link_down"


ASKING = frozenset({State.IDLE, State.SENT})


@dataclass(frozen=True)
class Write:
    """Write the command now; the PLC may execute it for `ttl_s` more seconds."""

    ttl_s: float


@dataclass(frozen=True)
class Wait:
    """Look again after `seconds`, or as soon as the PLC says something new."""

    seconds: float


@dataclass(frozen=True)
class Limits:
    """How patient one line is, in seconds."""

    ack_timeout_s: float
    state_timeout_s: float
    retry_delay_s: float


def command_id(epoch: int, sequence: int) -> int:
    """The 32-bit id of the request at a stream sequence: the same at every redelivery, rising, fenced by the epoch."""
    return epoch << _EPOCH_SHIFT | (sequence & _SEQUENCE_MASK)


def is_newer(candidate: int, other: int) -> bool:
    """Whether one command id comes after another: a higher epoch, or later in it (RFC 1982 on 24 bits)."""
    if candidate >> _EPOCH_SHIFT != other >> _EPOCH_SHIFT:
        return candidate >> _EPOCH_SHIFT > other >> _EPOCH_SHIFT
    return 0 < (candidate - other) & _SEQUENCE_MASK < _HALF


class Handshake:
    """One pause request on its way through IDLE, SENT and ACKED to one of six ends."""

    def __init__(self, command: int, expires_at: float, limits: Limits, *, redelivered: bool, now: float) -> None:
        self.command = command
        self.state = State.IDLE
        self.attempts = 0
        self.detail = ""
        self.sent_at: float | None = None
        self.acknowledged_at: float | None = None
        self.held_at: float | None = None
        self._expires_at = expires_at
        self._limits = limits
        self._next_write_at = now
        # An earlier life may have written this id: before calling it expired, give the link time to show the answer.
        self._look_until = now + limits.state_timeout_s if redelivered else now
        self._missed_link = False

    def step(self, now: float, view: PlcView) -> Write | Wait | None:
        """What to do next; None when it is over."""
        if self.state in ASKING and view.link_up and view.ack_id == self.command:
            self._acknowledge(now, view.ack_code)
        if self.state in ASKING:
            return self._ask(now, view)
        if self.state is State.ACKED:
            return self._await_held(now, view)
        return None

    def wrote(self, now: float) -> None:
        """The command is being written: from here on it counts as sent, for a write that fails may have arrived."""
        self.state = State.SENT
        self.attempts += 1
        self.sent_at = self.sent_at or now
        self._next_write_at = now + self._limits.ack_timeout_s

    def write_failed(self, now: float) -> None:
        """The write brought no answer: again soon, with the same id, which is harmless."""
        self._next_write_at = now + self._limits.retry_delay_s

    def _acknowledge(self, now: float, code: int) -> None:
        self.acknowledged_at = now
        if code in (ACCEPTED, DONE):
            self.state = State.ACKED
        elif code == EXPIRED:
            self._end(State.EXPIRED, "the PLC found the command too old")
        else:
            self._end(State.REJECTED, f"the PLC refused (AckCode {code}): remote pause off, or not in production")

    def _ask(self, now: float, view: PlcView) -> Write | Wait | None:
        if now >= self._expires_at:
            return self._expire(now, view)
        if not view.link_up:
            self._missed_link = True
            return Wait(self._expires_at - now)
        if now >= self._next_write_at:
            return Write(self._expires_at - now)
        return Wait(min(self._next_write_at, self._expires_at) - now)

    def _expire(self, now: float, view: PlcView) -> Wait | None:
        """Nothing is written any more; an answer that is on its way is still waited for."""
        answer_by = self._next_write_at if self.state is State.SENT else self._look_until
        unheard = self.state is State.SENT or not view.link_up
        self._missed_link |= unheard and not view.link_up and now < answer_by
        if unheard and now < answer_by:
            return Wait(answer_by - now)
        if not view.link_up and (self.state is State.SENT or self._missed_link):
            self._end(State.LINK_DOWN, "the PLC could not be reached before the request expired")
        elif self.state is State.SENT:
            self._end(State.ACK_TIMEOUT, self._why_unanswered(view))
        else:
            self._end(State.EXPIRED, "the request was too old to be written")
        return None

    def _why_unanswered(self, view: PlcView) -> str:
        if is_newer(view.ack_id, self.command):
            return f"the PLC has already answered the newer id {view.ack_id:#010x}: raise the bridge's epoch"
        return "the PLC was reached but did not acknowledge"

    def _await_held(self, now: float, view: PlcView) -> Wait | None:
        assert self.acknowledged_at is not None
        done = view.ack_id == self.command and view.ack_code == DONE
        ends = self.acknowledged_at + self._limits.state_timeout_s
        if view.link_up and (view.state == HELD or done):
            self.held_at = now
            self._end(State.CONFIRMED, "")
        elif now < ends:
            return Wait(ends - now)
        else:
            self._end(State.STATE_TIMEOUT, f"acknowledged, but Held was not seen (StateCurrent {view.state})")
        return None

    def _end(self, state: State, detail: str) -> None:
        self.state = state
        self.detail = detail
