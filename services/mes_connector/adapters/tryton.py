"""Tryton: a project task per maintenance request, a quality alert per quality request, over JSON-RPC.

Neither has a field for a foreign reference. A task says ours in its name, `… [key]`; an alert stands on an inspection
of its own whose reference it is, and one call creates both. Tryton keeps neither unique: one connector at a
time, and the look-up before each retry, are what keeps a request from becoming two. An order's number is
`<model>/<id>`.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from services.contracts.mes import Mes
from services.mes_connector.adapters import tryton_options as known
from services.mes_connector.adapters.http import Http
from services.mes_connector.adapters.narrative import rfc3339
from services.mes_connector.adapters.options import options_of
from services.mes_connector.adapters.over_http import OverHttp
from services.mes_connector.adapters.preview import json_preview
from services.mes_connector.adapters.template import Template
from services.mes_connector.adapters.tryton_calls import Said, Tryton
from services.mes_connector.adapters.tryton_examine import Examiner
from services.mes_connector.adapters.tryton_progress import FIELDS, stand
from services.mes_connector.adapters.vocabulary import NAMES, Vocabulary
from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.order import Order
from services.mes_connector.domain.progress import Filed, Finding, Note, Polled, Preview, Progress, Status
from services.mes_connector.domain.work_request import BadRequest, Kind, WorkRequest

_NAMES = NAMES | {"maintenance_type", "due"}
_PRIORITIES = {1: "1 critical", 2: "2 high", 3: "3 medium", 4: "4 low"}


def open_tryton(
    system: Mes,
    secret: str,
    deadline_s: float,
    ca_file: Path | None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> "TrytonMes":
    """The adapter for this database. Raises Invalid for options that cannot be used."""
    options = options_of(system, known.Options)
    # trytond 8.2 calls every long answer gzip, also the one that is not because nobody asked for it.
    http = Http(deadline_s, ca_file, headers={"Accept-Encoding": "gzip"}, secrets=[secret], transport=transport)
    tryton = Tryton(system.url, http, options.database, options.login, secret, options.company)
    return TrytonMes(system, options, tryton, http)


class TrytonMes(OverHttp):
    """One database of one Tryton server."""

    def __init__(self, system: Mes, options: known.Options, tryton: Tryton, http: Http) -> None:
        super().__init__(http)
        self._mapping = system.mapping
        self._options = options
        self._tryton = tryton
        self._vocabulary = Vocabulary(system, options.unmapped)
        self._models: dict[Kind, known.Model] = {
            Kind.MAINTENANCE: "project.work",
            Kind.INTERNAL_QUALITY: options.internal_quality,
            Kind.SUPPLIER_QUALITY: options.supplier_quality,
        }
        ours: dict[known.Model, dict[str, Any]] = {
            "project.work": options.task_fields,
            "quality.alert": options.alert_fields,
        }
        self._templates = {
            model: Template({**known.FIELDS[model], **fields}, _NAMES, f"mes.options for {model}")
            for model, fields in ours.items()
        }

    async def probe(self) -> Answer:
        """Log in."""
        return await self._within(self._tryton.log_in())

    async def examine(self) -> Sequence[Finding]:
        """Credentials, then modules, permissions, fields and references."""
        fields = {model: self._templates[model].keys for model in self._used()}
        examiner = Examiner(self._tryton, self._options, self._mapping, self._vocabulary)
        return await examiner.examine(await self.probe(), fields)

    def preview(self, order: Order) -> Preview:
        """The call as it would be made. Raises BadRequest."""
        method, records = self._records(order.request)
        return json_preview("POST", self._tryton.url, {"method": method, "params": [records, self._tryton.context]})

    async def progress(self, orders: Sequence[Filed]) -> Polled:
        polled = await super().progress(orders)
        return replace(polled, answer=self._locked(polled.answer))

    async def _within(self, work: Awaitable[Answer]) -> Answer:
        return self._locked(await super()._within(work))

    def _locked(self, answer: Answer) -> Answer:
        # After wrong passwords Tryton takes its time with every login, and then looks at none for a while.
        if self._tryton.locked_out and answer.failed:
            return replace(answer, outcome=Outcome.LOCKED_OUT)
        return answer

    def _used(self) -> list[known.Model]:
        return list(dict.fromkeys(self._models.values()))

    def _records(self, request: WorkRequest) -> tuple[str, list[dict[str, Any]]]:
        """Method and records of the call that creates it. Raises BadRequest."""
        model = self._models[request.kind]
        filled = self._templates[model].fill(self._words(request))
        if model == known.TASK:
            filled["name"] = f"{filled.get('name', request.title)} {_tag(request.key)}"
            if (parent := self._project(request)) is not None:
                filled["parent"] = parent
            return f"model.{known.TASK}.create", [filled]
        if self._options.control is None:
            fix = "set mes.options.control, or make quality requests tasks"
            raise BadRequest("mes.options.control", self._options.control, fix)
        inspection: dict[str, Any] = {"reference": request.key, "control": self._options.control}
        if self._options.points:
            inspection["points"] = self._options.points
        return f"model.{known.INSPECTION}.create", [inspection | {"alerts": [["create", [filled]]]}]

    def _project(self, request: WorkRequest) -> int | None:
        mapped = self._mapping.equipment.get(request.equipment_id)
        if mapped is None:
            return self._options.project
        if not mapped.isdecimal():
            field = f"mes.mapping.equipment.{request.equipment_id}"
            raise BadRequest(field, mapped, "the number of a project in Tryton")
        return int(mapped)

    def _words(self, request: WorkRequest) -> dict[str, object]:
        return self._vocabulary.values(request) | {
            "priority": self._vocabulary.priority(request, _PRIORITIES),
            "maintenance_type": "Preventive" if request.due_at else "Corrective",
            "due": f", due {rfc3339(request.due_at)}" if request.due_at else "",
        }

    async def _create(self, order: Order) -> Answer:
        """Create the task, or the inspection with its alert."""
        method, records = self._records(order.request)
        said = await self._tryton.call(method, records)
        if isinstance(said, Answer):
            return said
        match said.value:
            case [int() as number] if method == f"model.{known.TASK}.create":
                return Answer(Outcome.OPENED, external_id=f"{known.TASK}/{number}")
            case [int() as number]:
                return await self._alerted(order.request.key, number)
        return Answer(Outcome.UNKNOWN, reason="create: an answer without a number: the look-up will tell")

    async def _alerted(self, key: str, inspection: int) -> Answer:
        if self._options.points:  # judged by its points it fails; should it stay pending, its alert stands all the same
            await self._tryton.call(f"model.{known.INSPECTION}.process", [inspection])
        found = await self._find(key)  # create tells the inspection's number, not its alert's
        return found if found.outcome is Outcome.OPENED else Answer(Outcome.UNKNOWN, reason=found.reason)

    async def _find(self, key: str) -> Answer:
        """Look for our reference among alerts and tasks."""
        for model in self._used():
            said = await self._search(model, _where(model, key), ["name"] if model == known.TASK else [])
            if isinstance(said, Answer):
                return said
            # Compared here too: `ilike` does not see upper and lower case.
            if rows := [row for row in said if model != known.TASK or _tag(key) in str(row.get("name"))]:
                return Answer(Outcome.OPENED, external_id=f"{model}/{rows[0]['id']}")
        return Answer(Outcome.ABSENT)

    async def _comment(self, external_id: str, note: Note) -> Answer:
        """Attach a note that names its id, unless there is one."""
        model, _, number = external_id.rpartition("/")
        if model not in FIELDS:
            return Answer(Outcome.ABSENT, reason=f"{external_id!r} is no order of ours")
        standing = await self._search(model, [["id", "=", _number(number)]], [])
        if isinstance(standing, Answer):
            return standing
        if not standing:
            return Answer(Outcome.ABSENT, reason=f"no {model} {number}")
        resource, mark = f"{model},{number}", f"[jidoka {note.id}]"
        where = [["resource", "=", resource], ["message", "ilike", f"%{_escaped(mark)}%"]]
        there = await self._search("ir.note", where, ["message"])
        if isinstance(there, Answer):
            return there
        if not any(mark in str(row.get("message")) for row in there):
            said = await self._tryton.call(
                "model.ir.note.create", [{"resource": resource, "message": f"{note.text}\n{mark}"}]
            )
            if isinstance(said, Answer):
                return said
        return Answer(Outcome.OPENED, external_id=external_id)

    async def _progress(self, orders: Sequence[Filed]) -> Polled:
        """One question per model."""
        seen: list[Progress] = []
        for model, fields in FIELDS.items():
            ours = {_number(it.external_id.rpartition("/")[2]): it for it in orders if _is(it, model)}
            if not ours:
                continue
            rows = await self._search(model, [["id", "in", list(ours)]], fields)
            if isinstance(rows, Answer):
                return Polled(rows, tuple(seen))
            standing = {row["id"]: row for row in rows}
            seen += [
                stand(order, model, standing[number], self._options.cancelled_statuses)
                if number in standing
                else Progress(order.key, order.external_id, Status.GONE, 0.0)
                for number, order in ours.items()
            ]
        return Polled(Answer(Outcome.OPENED), tuple(seen))

    async def _search(self, model: str, where: list[Any], fields: Sequence[str]) -> list[dict[str, Any]] | Answer:
        said = await self._tryton.call(f"model.{model}.search_read", where, 0, None, None, ["id", *fields])
        if isinstance(said, Answer):
            return said
        if _are_rows(said):
            rows: list[dict[str, Any]] = said.value
            return rows
        return Answer(Outcome.AWAY, reason=f"{model}: not a list of records")


def _are_rows(said: Said) -> bool:
    return isinstance(said.value, list) and all(
        isinstance(row, dict) and isinstance(row.get("id"), int) for row in said.value
    )


def _where(model: str, key: str) -> list[Any]:
    if model == known.TASK:
        return [["name", "ilike", f"%{_escaped(_tag(key))}%"]]
    return [["origin.reference", "=", key, known.INSPECTION]]


def _tag(key: str) -> str:
    return f"[{key}]"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0


def _is(order: Filed, model: str) -> bool:
    return order.external_id.startswith(f"{model}/")
