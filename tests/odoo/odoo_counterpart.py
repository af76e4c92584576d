"""A live Odoo 19, and people who work in it."""

import asyncio
from typing import Any

import httpx
from counterparts import DEADLINE_S, EQUIPMENT, SECRET, section
from rpc_faults import RpcFaults

from services.mes_connector.adapters.odoo import Odoo, open_odoo, open_odoo_rpc
from tools.odoo.live import Odoo as LiveOdoo

ADAPTERS = {"odoo": open_odoo, "odoo-rpc": open_odoo_rpc}
REQUESTS = "maintenance.request"


class OdooCounterpart:
    """The live Odoo without requests, spoken to by one of both adapters."""

    refusal = "mes.mapping.equipment"

    def __init__(self, odoo: LiveOdoo, adapter: str) -> None:
        self.odoo = odoo
        self.adapter = adapter
        odoo.call("admin", REQUESTS, "unlink", ids=odoo.call("admin", REQUESTS, "search", domain=[]))
        self.faults = RpcFaults(httpx.AsyncHTTPTransport(), b"/load", b"<string>load</string>")
        self.mes = self.reopened()

    def secret(self, login: str = "jidoka") -> str:
        """An API key stands in for the suite's secret where passwords are not taken."""
        return self.odoo.keys[login] if self.adapter == "odoo" else SECRET

    def reopened(
        self, *, secret: str = SECRET, deadline_s: float = DEADLINE_S, login: str = "jidoka", **changes: Any
    ) -> Odoo:
        options = {"database": self.odoo.database, "unmapped": "refuse"} | changes.pop("options", {})
        if self.adapter == "odoo-rpc":
            options = {"login": login} | options
        mapping = {"equipment": {EQUIPMENT: str(self.odoo.equipment)}} | changes.pop("mapping", {})
        system = section(self.adapter, self.odoo.url, options=options, mapping=mapping, **changes)
        secret = self.secret(login) if secret == SECRET else secret
        return ADAPTERS[self.adapter](system, secret, deadline_s, None, self.faults)

    def wrong_sections(self) -> list[dict[str, Any]]:
        return [
            {"options": {"maintenance": {"fields": {"nam": "{title}"}}}},
            {"options": {"maintenance": {"fields": {"maintenance_type": "urgent"}}}},
            {"options": {"maintenance": {"fields": {"maintenance_team_id": "Nobody"}}}},
            {"options": {"flows": {REQUESTS: {"stage": "phase_id"}}}},
            {"options": {"flows": {REQUESTS: {"done": "finished"}}}},
            {"options": {"supplier_quality": {"model": "quality.alert"}}},
            {"options": {"internal_quality": {"model": "maintenance.equipment.category"}}},
            {"options": {"database": "nowhere"}},
            {"mapping": {"priorities": {"1": "urgent"}}},
            {"mapping": {"equipment": {EQUIPMENT: "99"}}},
            {"mapping": {"equipment": {EQUIPMENT: "Stencil printer 9"}}},
            {"mapping": {"equipment": {EQUIPMENT: "nobody.knows_it"}}},
            {"login": "onlooker"},
        ]

    async def references(self) -> list[str]:
        where = [["module", "=", "__jidoka__"]]
        rows = await self.do("admin", "ir.model.data", "search_read", domain=where, fields=["name"])
        return [row["name"].replace("%2E", ".") for row in rows]

    async def comments(self, external_id: str) -> list[str]:
        where = [["model", "=", REQUESTS], ["res_id", "=", number(external_id)], ["message_type", "=", "comment"]]
        rows = await self.do("technician", "mail.message", "search_read", domain=where, fields=["body"], order="id")
        return [row["body"] for row in rows]

    async def complete(self, external_id: str) -> None:
        await self.move(external_id, "Repaired")

    async def cancel(self, external_id: str) -> None:
        await self.do("technician", REQUESTS, "archive_equipment_request", ids=[number(external_id)])

    async def delete(self, external_id: str) -> None:
        await self.do("technician", REQUESTS, "unlink", ids=[number(external_id)])

    async def close(self) -> None:
        await self.faults.aclose()

    async def move(self, external_id: str, stage: str) -> None:
        """Drag it to another column."""
        [there] = await self.do("technician", "maintenance.stage", "search", domain=[["name", "=", stage]])
        await self.do("technician", REQUESTS, "write", ids=[number(external_id)], vals={"stage_id": there})

    async def read(self, external_id: str, *fields: str) -> dict[str, Any]:
        """What stands in the request."""
        [row] = await self.do("technician", REQUESTS, "read", ids=[number(external_id)], fields=list(fields))
        return row

    async def do(self, login: str, model: str, method: str, **told: Any) -> Any:
        """What a person does."""
        return await asyncio.to_thread(self.odoo.call, login, model, method, **told)


def number(external_id: str) -> int:
    """Odoo's own."""
    return int(external_id.rpartition("/")[2])
