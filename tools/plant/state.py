"""What is known about a plant on this machine: its folder, and `plant.json` in it, always whole."""

import contextlib
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
from pydantic import BaseModel, ValidationError

REPOSITORY = Path(__file__).resolve().parents[2]
_FIRST_PORT = 20_000


@dataclass(frozen=True)
class Start:
    """How a plant is started."""

    leash: int = 0
    """The pid of the process with which the whole plant ends, however that ends; 0: nobody's."""
    new_ports: bool = False
    """Forget the ports of before: somebody else has one of them."""
    limit_s: float = 300.0
    """Give up when for so long no part has become healthy; a slow machine may take longer altogether."""

    def told(self) -> list[str]:
        """The same as options of the supervisor."""
        given = ["--leash", str(self.leash), "--start-limit", str(self.limit_s)]
        return [*given, "--new-ports"] if self.new_ports else given


AS_EVER = Start()


class PartState(BaseModel):
    """One process of the plant."""

    phase: Literal["waiting", "starting", "healthy", "unhealthy", "backing-off", "done", "stopped"] = "waiting"
    pid: int = 0
    since: float = 0.0
    """Seconds since the epoch; of the present phase."""
    restarts: int = 0
    gate: str
    """What answers when it is healthy: tcp://host:port or http://host:port/path; empty: a step that ends."""
    url: str
    """Where to reach it."""


class PlantState(BaseModel):
    """The one state file."""

    root: Path
    source: Path
    """The plant file that was asked for; the effective one is `plant_file`."""
    phase: Literal["starting", "up", "stopping", "down", "failed"] = "starting"
    reason: str = ""
    """Why it failed."""
    pid: int
    """The supervisor …"""
    created: float
    """… and when it began, since pids are used again."""
    ports: dict[str, int] = {}
    """Chosen once, kept for ever: a restarted part is found where it was."""
    parts: dict[str, PartState] = {}

    @property
    def plant_file(self) -> Path:
        """The plant file with the URLs in force."""
        return self.root / "plant.yaml"

    def running(self) -> bool:
        """Whether its supervisor lives."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - self.created) < 2
        return False

    def url(self, part: str) -> str:
        """Where a part is reached. Raises KeyError."""
        return self.parts[part].url

    def secret(self, name: str) -> str:
        """A secret of the plant, such as `demo.client-secret`. Raises OSError."""
        return (self.root / "secrets" / name).read_text(encoding="utf-8").strip()

    def write(self) -> None:
        """Replace the state file: a reader sees the old or the new one, never a half."""
        draft = self.root / ".plant.json"
        draft.write_text(self.model_dump_json(indent=1), encoding="utf-8")
        draft.replace(self.root / "plant.json")


def read_state(root: Path) -> PlantState | None:
    """The state of the plant in a folder; None when there never was one, or only one of another version."""
    try:
        return PlantState.model_validate_json((root / "plant.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None


class Ports(dict[str, int]):
    """Ports by name; an unknown name gets a free one.

    Below the range of outgoing connections: a client that reconnects for ever to a dead server's port inside that range
    would one day be given that very port as its own, and the server could not come back.
    """

    def __missing__(self, name: str) -> int:
        self[name] = port = _free_port(set(self.values()))
        return port

    def at(self, name: str) -> str:
        """host:port."""
        return f"127.0.0.1:{self[name]}"


def _free_port(taken: set[int]) -> int:
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    for port in random.sample(range(_FIRST_PORT, first_outgoing), 1000):
        with contextlib.suppress(OSError), socket.socket() as probe:
            if port not in taken:
                probe.bind(("127.0.0.1", port))
                return port
    raise OSError("no free port on 127.0.0.1")


Progress = Callable[[PlantState], None]
