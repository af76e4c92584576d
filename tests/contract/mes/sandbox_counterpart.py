"""The MES sandbox, a process of its own, behind the generic webhook."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from counterparts import DEADLINE_S, EQUIPMENT, SECRET, Faults, section

from services.mes_connector import ports
from services.mes_connector.adapters.webhook import open_webhook
from tools.plant import leash

ROOT = Path(__file__).parents[3]
TOKEN = "people-token"


class Sandbox:
    """The process: one for all tests, because starting it takes longer than most of them."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (folder / "secret").write_text(SECRET + "\n")
        (folder / "token").write_text(TOKEN + "\n")
        self.url = f"http://127.0.0.1:{port}/workrequests"
        files = ["--database", "orders.sqlite", "--secret-file", "secret", "--token-file", "token"]
        self.process = leash.popen(
            [sys.executable, "-m", "tools.simulators.mes", "--port", str(port), *files, "--known-equipment", EQUIPMENT],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "READY\n"

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class SandboxCounterpart:
    """A sandbox without orders."""

    refusal = "not in the asset register"

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = sandbox.url
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(headers=headers, trust_env=False, timeout=20) as people:
            for order in people.get(self.url).raise_for_status().json():
                people.delete(f"{self.url}/{order['id']}").raise_for_status()
        self.people = httpx.AsyncClient(headers=headers, trust_env=False, timeout=20)
        self.faults = Faults(httpx.AsyncHTTPTransport())
        self.mes = self.reopened()

    def reopened(self, *, secret: str = SECRET, deadline_s: float = DEADLINE_S, **changes: Any) -> ports.Mes:
        mapping = {"equipment": {EQUIPMENT: EQUIPMENT}} | changes.pop("mapping", {})
        return open_webhook(
            section("webhook", self.url, mapping=mapping, **changes), secret, deadline_s, None, self.faults
        )

    def wrong_sections(self) -> list[dict[str, Any]]:
        return [
            {"options": {"find_path": "/nowhere/at/all"}},
            {"options": {"equipment_path": "/equipment/{equipment}"}},
        ]

    async def references(self) -> list[str]:
        return [order["external_reference"] for order in (await self._do("GET", "")).json()]

    async def comments(self, external_id: str) -> list[str]:
        return [comment["text"] for comment in (await self._do("GET", f"/{external_id}/comments")).json()]

    async def complete(self, external_id: str) -> None:
        await self._do("POST", f"/{external_id}/complete")

    async def cancel(self, external_id: str) -> None:
        await self._do("POST", f"/{external_id}/cancel")

    async def delete(self, external_id: str) -> None:
        await self._do("DELETE", f"/{external_id}")

    async def close(self) -> None:
        await self.people.aclose()
        await self.faults.aclose()

    async def _do(self, method: str, path: str) -> httpx.Response:
        return (await self.people.request(method, self.url + path)).raise_for_status()
