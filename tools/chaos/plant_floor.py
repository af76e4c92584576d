"""A plant that runs for an ordeal, and everything that is needed to break it."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import psutil

from services.chassis.bus import Bus
from tools.chaos.fitting import ISSUER, issuer_url
from tools.chaos.process import Process
from tools.chaos.wire import Wire
from tools.plant import gates
from tools.plant.state import PlantState, read_state
from tools.simulators.plc_memory import Memory, Retain

PLC, MES, TRITON = "plc-lyon-smt1", "mes", "triton"


@dataclass
class PlantFloor:
    """One plant."""

    root: Path
    wires: dict[str, Wire]
    bus: Bus
    host: Process
    models: Path
    trust: Path
    disk: Path | None
    """The broker's own small disk, as we see it; None: it writes on everybody's."""
    _memory: Memory
    _read_at: int = 0

    @property
    def state(self) -> PlantState:
        """As the supervisor has just written it."""
        found = read_state(self.root)
        assert found is not None, "the supervisor replaces its file as a whole"
        return found

    @property
    def parts(self) -> list[str]:
        """Everything that runs and answers, Triton apart from the service that keeps it."""
        kept = [name for name, part in self.state.parts.items() if part.gate]
        return [*kept, *([TRITON] if "inference" in kept else [])]

    @property
    def memory(self) -> Memory:
        """The PLC's retentive memory, readable also while it is dead."""
        path = self.root / f"{PLC}.json"
        stamp = path.stat().st_mtime_ns if path.exists() else 0
        if stamp != self._read_at:
            self._memory, self._read_at = Retain(path).load(), stamp
        return self._memory

    @property
    def issuer(self) -> str:
        """Where tokens come from."""
        return issuer_url(self.wires[ISSUER].port)

    def pid(self, part: str) -> int:
        """The process of a part; 0: it has none at the moment."""
        if part != TRITON:
            return self.state.parts[part].pid
        with contextlib.suppress(psutil.Error):
            below = psutil.Process(self.state.parts["inference"].pid).children(recursive=True)
            return next((each.pid for each in below if each.name().startswith("tritonserver")), 0)
        return 0

    async def answers(self, part: str) -> bool:
        """Whether it answers its probe."""
        return await gates.answers(self.state.parts["inference" if part == TRITON else part].gate)
