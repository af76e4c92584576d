"""A live Tryton: its own server on its own database, and people who work in it."""

import asyncio
from typing import Any

import httpx
from counterparts import DEADLINE_S, EQUIPMENT, SECRET, section
from rpc_faults import RpcFaults

from services.mes_connector import ports
from services.mes_connector.adapters.tryton import open_tryton
from tools.tryton.live import DATABASE, DROPPED, LiveTryton


class TrytonCounterpart:
    """The live Tryton without orders."""

    refusal = "mes.mapping.equipment"

    def __init__(self, tryton: LiveTryton) -> None:
        self.tryton = tryton
        self._forget()
        self.faults = RpcFaults(httpx.AsyncHTTPTransport(), b".create")
        self.mes = self.reopened()

    def reopened(self, *, secret: str = SECRET, deadline_s: float = DEADLINE_S, **changes: Any) -> ports.Mes:
        options = {"database": DATABASE, "login": "jidoka", "control": self.tryton.control, "unmapped": "refuse"}
        options |= {"cancelled_statuses": [DROPPED], "points": {"good": False}} | changes.pop("options", {})
        mapping = {"equipment": {EQUIPMENT: str(self.tryton.project)}} | changes.pop("mapping", {})
        system = section("tryton", self.tryton.url, options=options, mapping=mapping, **changes)
        return open_tryton(system, secret, deadline_s, None, self.faults)

    def wrong_sections(self) -> list[dict[str, Any]]:
        return [
            {"options": {"task_fields": {"nam": "{title}"}}},
            {"options": {"alert_fields": {"severity": "{priority}"}}},
            {"options": {"control": 99}},
            {"options": {"points": {"flat": False}}},
            {"options": {"project": 99}},
            {"options": {"cancelled_statuses": ["Abandoned"]}},
            {"options": {"login": "onlooker"}},
            {"options": {"database": "nowhere"}},
            {"mapping": {"equipment": {EQUIPMENT: "99"}}},
            {"mapping": {"equipment": {EQUIPMENT: "SMT1"}}},
        ]

    async def references(self) -> list[str]:
        inspections = await self._call("quality.inspection.search_read", [], 0, None, None, ["reference"])
        tasks = await self._call("project.work.search_read", [["type", "=", "task"]], 0, None, None, ["name"])
        return [it["reference"] for it in inspections] + [it["name"].rpartition("[")[2][:-1] for it in tasks]

    async def comments(self, external_id: str) -> list[str]:
        where = [["resource", "=", external_id.replace("/", ",")]]
        notes = await self._call("ir.note.search_read", where, 0, None, [["id", "ASC"]], ["message"])
        return [note["message"] for note in notes]

    async def complete(self, external_id: str) -> None:
        model, number = apart(external_id)
        if model == "quality.alert":
            await self._call("quality.alert.process", [number])
            await self._call("quality.alert.resolve", [number])
        else:
            await self._set_status(number, "Done", progress=1.0)

    async def cancel(self, external_id: str) -> None:
        await self._set_status(apart(external_id)[1], DROPPED)

    async def delete(self, external_id: str) -> None:
        model, number = apart(external_id)
        await self._call(f"{model}.delete", [number])

    async def close(self) -> None:
        await self.faults.aclose()

    async def _set_status(self, task: int, name: str, **also: Any) -> None:
        [status] = await self._call("project.work.status.search", [["name", "=", name]], 0, None, None)
        await self._call("project.work.write", [task], {"status": status, **also})

    async def _call(self, method: str, *params: Any) -> Any:
        return await asyncio.to_thread(self.tryton.people.call, method, *params)

    def _forget(self) -> None:
        call = self.tryton.people.call
        call("project.work.delete", call("project.work.search", [["type", "=", "task"]], 0, None, None))
        call("quality.alert.delete", call("quality.alert.search", [], 0, None, None))
        call("quality.inspection.pending", call("quality.inspection.search", [["state", "=", "failed"]], 0, None, None))
        inspections = call("quality.inspection.search", [], 0, None, None)
        call("quality.inspection.delete", inspections)


def apart(external_id: str) -> tuple[str, int]:
    """Model and number."""
    model, _, number = external_id.rpartition("/")
    return model, int(number)
