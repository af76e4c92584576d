"""What a PLC programmer puts into the machine: PackML states and the `VisIf` handshake, one call of `scan` per cycle.

Written against the interface description and not against the bridge's code: the two check each other.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

EXECUTE, HOLDING, HELD, UNHOLDING = 6, 10, 11, 12  # PackTag Status.StateCurrent, TR88
HOLDABLE = {3, 5, EXECUTE, UNHOLDING, 13, 14}  # OPC 30050: Hold is legal from these
CMD_HOLD = 4  # PackTag Command.CntrlCmd
ACCEPTED, DONE, REJECTED, EXPIRED = 1, 2, 3, 4
HEARTBEAT_S = 0.5
LINK_DEAD_S = 3.0
UNHOLDING_S = 0.2


@dataclass
class Memory:
    """What a PLC keeps through a power cut: it must know what it has already executed, and that it is held."""

    last_id: int = 0
    ack_code: int = 0
    ack_id: int = 0
    executed: int = 0
    state: int = EXECUTE
    remote_pause_enabled: bool = True


@dataclass
class Request:
    """The tags that the vision system writes; `id` is the commit."""

    id: int = 0
    cmd: int = 0
    ttl_ms: int = 0
    fresh: int = 0


def newer(candidate: int, last: int) -> bool:
    """Whether a command id is newer: a higher epoch (high 8 bits), or later in the same one (24 bits, RFC 1982)."""
    if candidate >> 24 != last >> 24:
        return candidate >> 24 > last >> 24
    return 0 < (candidate - last) & 0xFFFFFF < 0x800000


class Program:
    """The cyclic program. Times are seconds of the PLC's own clock."""

    def __init__(self, memory: Memory, holding_s: float, now: float) -> None:
        self.memory = memory
        self.heartbeat = 0
        self.link_alarm = False
        self._holding_s = holding_s
        self._entered_at = now
        self._beat_at = now
        self._seen_heartbeat = 0
        self._seen_at = now

    def scan(self, now: float, request: Request, vision_heartbeat: int) -> None:
        """One cycle: obey at most one new request, move the machine, beat, watch the link."""
        if self.memory.state == HELD:
            self._done()
        if request.id and newer(request.id, self.memory.last_id):
            self.memory.ack_code = self._answer(now, request)
            self.memory.last_id = self.memory.ack_id = request.id
        self._move(now)
        if now - self._beat_at >= HEARTBEAT_S:
            self.heartbeat = (self.heartbeat + 1) & 0xFFFFFFFF
            self._beat_at = now
        if vision_heartbeat != self._seen_heartbeat:
            self._seen_heartbeat, self._seen_at = vision_heartbeat, now
        self.link_alarm = now - self._seen_at > LINK_DEAD_S

    def resume(self, now: float) -> bool:
        """The operator presses Resume: Unhold; False where it is not legal."""
        if self.memory.state != HELD:
            return False
        self._enter(UNHOLDING, now)
        return True

    def _answer(self, now: float, request: Request) -> int:
        # The age in the PLC's OWN clock: the bridge echoed our heartbeat, so no clocks need to agree.
        age_ms = ((self.heartbeat - request.fresh) & 0xFFFFFFFF) * HEARTBEAT_S * 1000
        if age_ms > request.ttl_ms + HEARTBEAT_S * 1000:
            return EXPIRED
        if not self.memory.remote_pause_enabled or request.cmd != CMD_HOLD:
            return REJECTED  # Unhold above all: an automatic restart is forbidden (ISO 14118)
        if self.memory.state in (HOLDING, HELD):
            return ACCEPTED
        if self.memory.state not in HOLDABLE:
            return REJECTED
        self._enter(HOLDING, now)
        self.memory.executed += 1
        return ACCEPTED

    def _move(self, now: float) -> None:
        if self.memory.state == HOLDING and now - self._entered_at >= self._holding_s:
            self._enter(HELD, now)
            self._done()
        elif self.memory.state == UNHOLDING and now - self._entered_at >= UNHOLDING_S:
            self._enter(EXECUTE, now)

    def _done(self) -> None:
        if self.memory.ack_code == ACCEPTED:
            self.memory.ack_code = DONE

    def _enter(self, state: int, now: float) -> None:
        self.memory.state = state
        self._entered_at = now


class Retain:
    """The retentive memory in a file: replaced as a whole, and before anybody can see the effect."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stored: dict[str, int | bool] = {}

    def load(self) -> Memory:
        """What the last life left behind; a new PLC executes."""
        return Memory(**json.loads(self._path.read_text())) if self._path.exists() else Memory()

    def store(self, memory: Memory) -> None:
        """Write what changed."""
        now = asdict(memory)
        if now != self._stored:
            beside = self._path.with_suffix(".new")
            beside.write_text(json.dumps(now))
            beside.replace(self._path)
            self._stored = now
