"""What a PLC keeps through a power cut: what it has executed, that it is held, and what it does when nobody watches."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

EXECUTE = 6
"""PackTag Status.StateCurrent, TR88."""
EFFECTS_KEPT = 10_000


class Effect(NamedTuple):
    """One execution of a command: its id (0 where commands have none), and when, in seconds of the epoch."""

    command: int
    at: float


@dataclass
class Memory:
    """The retentive memory; `effects` is what an audit of the PLC would read out."""

    last_id: int = 0
    ack_code: int = 0
    ack_id: int = 0
    executed: int = 0
    watchdog_holds: int = 0
    state: int = EXECUTE
    remote_pause_enabled: bool = True
    fail_policy: int = 0
    """0: nobody ever said."""
    link_dead_ms: int = 0
    effects: Sequence[Effect] = ()

    def note(self, effect: Effect) -> None:
        """Count an execution and keep it; the oldest are forgotten."""
        self.executed = (self.executed + 1) & 0xFFFFFFFF
        self.effects = (*self.effects, effect)[-EFFECTS_KEPT:]


@dataclass
class Retain:
    """The memory in a file: replaced as a whole, and before anybody can see the effect."""

    path: Path
    _stored: Memory | None = None

    def load(self) -> Memory:
        """What the last life left behind; a new PLC executes. Raises OSError, ValueError."""
        if not self.path.exists():
            return Memory()
        kept = json.loads(self.path.read_text(encoding="utf-8"))
        kept["effects"] = tuple(Effect(*effect) for effect in kept.get("effects", ()))
        return Memory(**kept)

    def store(self, memory: Memory) -> None:
        """Write what changed."""
        if memory != self._stored:
            beside = self.path.with_suffix(".new")
            beside.write_text(json.dumps(asdict(memory)), encoding="utf-8")
            beside.replace(self.path)
            self._stored = replace(memory)
