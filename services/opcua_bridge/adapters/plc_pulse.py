"""Both heartbeats of one session with a PLC."""

import time

HEARTBEATS = 2**32


class Pulse:
    """Whether the PLC's program is alive, and whether it is our turn to speak."""

    def __init__(self, heartbeat_s: float, dead_after_s: float, *, plc_beats: bool, proven: bool) -> None:
        """`plc_beats`: it has a heartbeat; else any answer counts. `proven`: its program has answered otherwise."""
        self.spoken = 0
        self._heartbeat_s, self._dead_after_s = heartbeat_s, dead_after_s
        self._heard_at = time.monotonic()
        self._speak_at = 0.0
        self._last: int | None = None
        self._plc_beats = plc_beats
        self._beating = proven or not plc_beats

    def hear(self, heartbeat: int) -> bool:
        """Whether the PLC's heartbeat has moved in this session: a server that answers may have a stopped program."""
        if self._last not in (None, heartbeat):
            self._beating = True
        if not self._plc_beats or self._last != heartbeat:
            self._heard_at = time.monotonic()
        self._last = heartbeat
        return self._beating

    def speak(self) -> bool:
        """Whether it is time to write `spoken`."""
        if time.monotonic() < self._speak_at:
            return False
        self._speak_at = time.monotonic() + self._heartbeat_s
        self.spoken = (self.spoken + 1) % HEARTBEATS
        return True

    def check(self) -> None:
        """Raises LinkLostError when the PLC has been silent for too long."""
        if time.monotonic() - self._heard_at > self._dead_after_s:
            raise ConnectionError(
                f"its heartbeat stood still for {self._dead_after_s:g} s: does the PLC's program run?"
            )
