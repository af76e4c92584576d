"""What the ordeal of the MES connector needs: a broker, an MES that fails, two connectors, and somebody who kills."""

import random
import sys
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import httpx
import yaml

from services.contracts.plant import Place
from tools.chaos.process import Process
from tools.plant.state import REPOSITORY
from tools.ports import free_port
from tools.postgres import Postgres

PLACE = Place("lyon", "smt1", "aoi1")
EQUIPMENT = "jidoka/lyon/electronics/smt1/aoi1"
SYSTEM = "sandbox"
CONNECTORS = 2
_PEOPLE_S = 30.0
_TOLERANCE_S = 2  # below AFTER_TIMEOUT_S: what a frozen connector sends when it goes on is too old, whoever took over


# The sandbox stands next door: waits that suit an ERP would only make the run long. What they must not do is less.
_WAITS = {
    "MES_DEADLINE_S": 0.25,
    "MES_PACE_S": 0,
    "POLL_EVERY_S": 5,
    "AFTER_TIMEOUT_S": 3,
    "RETRY_BASE_S": 0.05,
    "RETRY_CAP_S": 0.5,
    "BREAKER_BASE_S": 0.05,
    "BREAKER_CAP_S": 0.3,
}


class Keeping(Enum):
    """Where the connectors keep their outbox."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


@dataclass
class Floor:
    """Processes in a folder of their own; `seed` decides which calls fail. Takes seconds to make with PostgreSQL."""

    folder: Path
    seed: int
    keeping: Keeping = Keeping.SQLITE
    nats_port: int = field(default_factory=free_port)
    mes_port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        (self.folder / "secret").write_text("chaos")
        document = yaml.safe_load((REPOSITORY / "deploy/plants/demo.yaml").read_text(encoding="utf-8"))
        document["mes"] = {"name": SYSTEM, "url": self.mes_url}
        (self.folder / "plant.yaml").write_text(yaml.safe_dump(document))
        broker = ["nats-server", "-a", "127.0.0.1", "-p", str(self.nats_port), "-js", "-sd", str(self.folder / "nats")]
        self.nats = self._process("nats", broker)
        self.mes = self._process("mes", self._mes())
        self.postgres = Postgres("chaos", "chaos", free_port()) if self.keeping is Keeping.POSTGRESQL else None
        connector = [sys.executable, "-m", "services.mes_connector"]
        self.connectors = [self._process(f"connector-{n}", connector, self._told()) for n in range(CONNECTORS)]
        headers = {"Authorization": "Bearer chaos"}
        self.people = httpx.Client(headers=headers, trust_env=False, timeout=_PEOPLE_S)

    @property
    def nats_url(self) -> str:
        return f"nats://127.0.0.1:{self.nats_port}"

    @property
    def mes_url(self) -> str:
        return f"http://127.0.0.1:{self.mes_port}/workrequests"

    def behave(self, **rates: float) -> None:
        """How the MES fails from now on; nothing: not at all."""
        self.people.post(self.mes_url.replace("workrequests", "behaviour"), json=rates).raise_for_status()

    def orders(self) -> list[dict[str, Any]]:
        """Every order that stands in the MES."""
        found: list[dict[str, Any]] = self.people.get(self.mes_url).raise_for_status().json()
        return found

    def kill_one(self, chance: random.Random) -> None:
        """End one connector in the middle of whatever it does, and start it again."""
        victim = chance.choice(self.connectors)
        victim.kill()
        victim.start()

    def stop(self) -> None:
        """End all."""
        self.people.close()
        for process in (*self.connectors, self.mes, self.nats):
            process.kill()
        if self.postgres:
            self.postgres.close()

    def _process(self, name: str, command: list[str], env: dict[str, str] | None = None) -> Process:
        return Process(name, command, self.folder / f"{name}.log", env)

    def _mes(self) -> list[str]:
        secret = self.folder / "secret"
        files = ["--database", self.folder / "orders.db", "--secret-file", secret, "--token-file", secret]
        own = ["--port", self.mes_port, "--known-equipment", EQUIPMENT, "--seed", self.seed]
        limits = ["--tolerance-s", _TOLERANCE_S]
        return [sys.executable, "-m", "tools.simulators.mes", *map(str, [*files, *own, *limits])]

    def _told(self) -> dict[str, str]:
        told = {
            "PLANT_FILE": self.folder / "plant.yaml",
            "NATS_URL": self.nats_url,
            "NATS_PASSWORD_FILE": self.folder / "secret",
            "MES_SECRET_FILE": self.folder / "secret",
            "DATABASE_URL": f"sqlite:///{self.folder / 'outbox.db'}",
            **_WAITS,
        }
        if self.postgres:
            told |= {"DATABASE_URL": self.postgres.url, "DATABASE_PASSWORD_FILE": self.folder / "secret"}
        return {f"JIDOKA_MES_CONNECTOR_{name}": str(value) for name, value in told.items()}
