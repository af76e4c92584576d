"""The handshake with a PLC for one pause request: only a confirmed stop is believed, none is sent late.

`step(now, view)` is pure: it says what to do next. Times are seconds of the epoch by one clock, the broker's (B13).
Where commands have ids (numbering.py) a repetition is harmless, so the command is written until it is answered or
expires. Where they have none (a PackML method, a Boolean tag: `Limits.once`) it is said once, also over a change of
bridge, and the machine's state is the answer.
"""

from dataclasses import dataclass
from enum import Enum

from services.opcua_bridge.domain.line import HELD, HOLDING, NO_LINK, PauseRequest, PlcView
from services.opcua_bridge.domain.numbering import is_newer_number, number_of
from services.opcua_bridge.domain.todo import ClaimAnew, TakeBack, Wait, Write

ACCEPTED, DONE, REJECTED, EXPIRED = 1, 2, 3, 4  # AckCode


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
class Limits:
    """How patient one line is, in seconds, and whether a command may be said only once."""

    ack_timeout_s: float
    state_timeout_s: float
    retry_delay_s: float
    once: bool = False
    unseen_s: float = 30.0  # so long a link may be away before a stop that may have been executed is given up unseen


class Handshake:
    """One pause request on its way through IDLE, SENT and ACKED to one of six ends."""

    def __init__(
        self, request: PauseRequest, limits: Limits, *, redelivered: bool, now: float, asked: bool = False
    ) -> None:
        """`redelivered`: an earlier life may have had it; `asked`: it certainly did, and said the command."""
        self.request = request
        self.command = 0
        self.state = State.SENT if asked else State.IDLE
        self.passed: list[tuple[State, float]] = []
        """Each transition, with its time."""
        self.attempts = 0
        self.detail = ""
        self.answer = 0
        self.read_back = 0
        self.sent_at = now if asked else None
        self.acknowledged_at: float | None = None
        self.held_at: float | None = None
        self._expires_at = request.expires_at_s
        self._limits, self._redelivered = limits, redelivered
        self._next_write_at = now
        # An earlier life may have written this id: before calling it expired, give the link time to show the answer.
        self._look_until = now + limits.unseen_s if redelivered else now
        self._missed_link = False
        self._held_by, self._taken_back, self._overtaken = 0.0, False, ""
        self._claimed_anew = False

    def step(self, now: float, view: PlcView) -> Write | TakeBack | ClaimAnew | Wait | None:
        """What to do next; None when it is over."""
        if self.state in ASKING and self._is_of_another_stream(view):
            if not self._claimed_anew:
                self._claimed_anew = True
                return ClaimAnew()
            view = NO_LINK
        if view.link_up:
            self.command = view.claim.command(self.request.sequence)
            self.read_back = view.state
        if self.state in ASKING and view.link_up:
            self._hear(now, view)
        if self.state in ASKING:
            return self._ask(now, view)
        if self.state is State.ACKED:
            return self._await_held(now, view)
        return None

    def wrote(self, now: float) -> None:
        """The command is being written: from here on it counts as sent, for a write that fails may have arrived."""
        if self.state is State.IDLE:
            self._enter(State.SENT, now)
        self.attempts += 1
        self.sent_at = self.sent_at or now
        self._next_write_at = now + self._limits.ack_timeout_s

    def write_failed(self, now: float) -> None:
        """The write brought no answer: again soon, with the same id, which is harmless."""
        if not self._limits.once:
            self._next_write_at = now + self._limits.retry_delay_s

    def overtaken(self, now: float, why: str) -> None:
        """The request has become pointless: from now on it counts as expired."""
        self._expires_at = min(self._expires_at, now)
        self._overtaken = why

    def _is_of_another_stream(self, view: PlcView) -> bool:
        return view.link_up and not self._limits.once and view.claim.born != self.request.born

    def _hear(self, now: float, view: PlcView) -> None:
        if self._limits.once and view.state in (HOLDING, HELD):
            self._acknowledge(now, ACCEPTED)
        elif view.ack_id and number_of(view.ack_id) == number_of(self.command):
            if self.state is State.IDLE and not self._redelivered:  # nobody has written it: this answers another one
                self._enter(State.EXPIRED, now, "its number was used before: not written, for it would not be executed")
            else:
                self._acknowledge(now, view.ack_code)
        elif self._limits.once and self.state is State.IDLE and not view.remote_pause_enabled:
            self._enter(State.REJECTED, now, "remote pause is switched off at the machine")

    def _acknowledge(self, now: float, code: int) -> None:
        self.acknowledged_at, self.answer = now, code
        if code in (ACCEPTED, DONE):
            self._enter(State.ACKED, now)
        elif code == EXPIRED:
            self._enter(State.EXPIRED, now, "the PLC found the command too old")
        else:
            self._enter(State.REJECTED, now, f"the PLC refused (AckCode {code}): remote pause off or not in production")

    def _ask(self, now: float, view: PlcView) -> Write | TakeBack | Wait | None:
        if now >= self._expires_at:
            return self._expire(now, view)
        if not view.link_up:
            self._missed_link = True
            return Wait(self._expires_at - now)
        if self._limits.once and self.state is State.SENT:
            return Wait(self._expires_at - now)
        if now >= self._next_write_at:
            return Write(self._expires_at - now)
        return Wait(min(self._next_write_at, self._expires_at) - now)

    def _expire(self, now: float, view: PlcView) -> TakeBack | Wait | None:
        """Nothing is written any more; an answer that is on its way is still waited for."""
        if self._limits.once and self.state is State.SENT and not self._taken_back:
            self._taken_back = True
            self._next_write_at = now + self._limits.ack_timeout_s
            return TakeBack()
        answer_by = self._next_write_at if self.state is State.SENT else self._look_until
        if self.state is State.SENT and not view.link_up:  # perhaps executed: the PLC will tell when it is back
            answer_by = max(answer_by, self._expires_at + self._limits.unseen_s)
        unheard = self.state is State.SENT or not view.link_up
        self._missed_link |= unheard and not view.link_up and now < answer_by
        if unheard and now < answer_by:
            return Wait(answer_by - now)
        if self._overtaken and self.state is State.IDLE:
            self._enter(State.EXPIRED, now, self._overtaken)
        elif not view.link_up and (self.state is State.SENT or self._missed_link):
            why = f": {view.detail}" if view.detail else ""
            self._enter(State.LINK_DOWN, now, f"the PLC could not be reached before the request expired{why}")
        elif self.state is State.SENT:
            self._enter(State.ACK_TIMEOUT, now, self._why_unanswered(view))
        else:
            self._enter(State.EXPIRED, now, "the request was too old to be written")
        return None

    def _why_unanswered(self, view: PlcView) -> str:
        if self._limits.once:
            return "it was asked once, and the machine did not begin to hold"
        if is_newer_number(number_of(view.ack_id), number_of(self.command)):
            return f"the PLC has already answered the newer id {view.ack_id:#010x}"
        return "the PLC was reached but did not acknowledge"

    def _await_held(self, now: float, view: PlcView) -> Wait | None:
        assert self.acknowledged_at is not None
        done = number_of(view.ack_id) == number_of(self.command) and view.ack_code == DONE
        if not view.link_up and now < self.acknowledged_at + self._limits.unseen_s:
            self._held_by = now + self._limits.state_timeout_s  # the machine's time, not the wire's
        ends = max(self.acknowledged_at + self._limits.state_timeout_s, self._held_by)
        if view.link_up and (view.state == HELD or done):
            self.held_at = now
            self._enter(State.CONFIRMED, now)
        elif now < ends:
            return Wait(ends - now)
        else:
            self._enter(State.STATE_TIMEOUT, now, f"acknowledged, but Held was not seen (StateCurrent {view.state})")
        return None

    def _enter(self, state: State, now: float, detail: str = "") -> None:
        self.state, self.detail = state, detail
        self.passed.append((state, now))
