"""The machine behind the PLC: PackML states, the heartbeat, and the watchdog on the vision system's.

Written against the interface description and not against the bridge's code: the two check each other.
"""

import time
from collections.abc import Callable

from tools.simulators.plc_memory import EXECUTE, Effect, Memory

HOLDING, HELD, UNHOLDING = 10, 11, 12  # PackTag Status.StateCurrent, TR88
HOLDABLE = {3, 5, EXECUTE, UNHOLDING, 13, 14}  # OPC 30050: Hold is legal from these
RUN, HOLD_AT_CYCLE_END, DIVERT = 1, 2, 3  # VisIf.FailPolicy
HEARTBEAT_S = 0.5
LINK_DEAD_S = 3.0
"""Until somebody says otherwise."""
UNHOLDING_S = 0.2
WORD = 0xFFFFFFFF


class Machine:
    """Times are seconds of the PLC's own clock, except in the audit (`wall`: seconds of the epoch)."""

    def __init__(self, memory: Memory, holding_s: float, now: float, wall: Callable[[], float] = time.time) -> None:
        self.memory = memory
        self.heartbeat = 0
        self.link_alarm = False
        self._holding_s = holding_s
        self._wall = wall
        self._entered_at = now
        self._beaten_at = now
        self._seen_heartbeat = 0
        self._seen_at = now

    @property
    def diverting(self) -> bool:
        """Every part goes to manual inspection, because nobody watches and the policy says so."""
        return self.link_alarm and self.memory.fail_policy == DIVERT

    @property
    def holdable(self) -> bool:
        """Whether Hold is legal."""
        return self.memory.state in HOLDABLE

    @property
    def paused(self) -> bool:
        """Whether it holds or is about to."""
        return self.memory.state in (HOLDING, HELD)

    def hold(self, now: float, command: int = 0) -> bool:
        """Execute Hold for a command, at the end of the cycle; False where it is not legal."""
        if not self.holdable:
            return False
        self._enter(HOLDING, now)
        self.memory.note(Effect(command, self._wall()))
        return True

    def resume(self, now: float) -> bool:
        """The operator presses Resume: Unhold; False where it is not legal."""
        if self.memory.state != HELD:
            return False
        self._enter(UNHOLDING, now)
        return True

    def beat(self, now: float) -> None:
        """Follow the clock and not the cycles: a program that stood still must not make an old command look young."""
        beats = int((now - self._beaten_at) / HEARTBEAT_S)
        self.heartbeat = (self.heartbeat + beats) & WORD
        self._beaten_at += beats * HEARTBEAT_S

    def move(self, now: float) -> None:
        """Let the machine get on."""
        if self.memory.state == HOLDING and now - self._entered_at >= self._holding_s:
            self._enter(HELD, now)
        elif self.memory.state == UNHOLDING and now - self._entered_at >= UNHOLDING_S:
            self._enter(EXECUTE, now)

    def watch(self, now: float, vision_heartbeat: int) -> None:
        """The watchdog: once per loss, and not against the operator, whose switch forbids remote pauses."""
        if vision_heartbeat != self._seen_heartbeat:
            self._seen_heartbeat, self._seen_at = vision_heartbeat, now
        lost = now - self._seen_at > (self.memory.link_dead_ms / 1000 or LINK_DEAD_S)
        begins, self.link_alarm = lost and not self.link_alarm, lost
        may_hold = self.memory.fail_policy == HOLD_AT_CYCLE_END and self.memory.remote_pause_enabled
        if begins and may_hold and self.holdable:
            self._enter(HOLDING, now)
            self.memory.watchdog_holds = (self.memory.watchdog_holds + 1) & WORD

    def _enter(self, state: int, now: float) -> None:
        self.memory.state = state
        self._entered_at = now
