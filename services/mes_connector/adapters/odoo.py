"""Odoo: a maintenance request (or another record) per work request, over JSON-2 or XML-RPC.

A request is opened by `load`, Odoo's import, under an external id made of our key. Odoo keeps external ids unique, and
`load` is told to leave alone what stands already: sending a request twice neither doubles it nor undoes what people
have changed in it since. An order's number is `<model>/<id>`.
"""

import html
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from services.contracts.mes import Mes
from services.mes_connector.adapters import odoo_options as known
from services.mes_connector.adapters.http import Http, legible
from services.mes_connector.adapters.narrative import narrative
from services.mes_connector.adapters.odoo_calls import MISSING, Calls, Fault, Json2, Said
from services.mes_connector.adapters.odoo_columns import columns
from services.mes_connector.adapters.odoo_examine import Examiner
from services.mes_connector.adapters.odoo_progress import Stages, stand
from services.mes_connector.adapters.odoo_xmlrpc import XmlRpc
from services.mes_connector.adapters.options import options_of
from services.mes_connector.adapters.over_http import OverHttp
from services.mes_connector.adapters.preview import json_preview
from services.mes_connector.adapters.template import Template
from services.mes_connector.adapters.vocabulary import NAMES, Vocabulary
from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.order import Order
from services.mes_connector.domain.progress import Filed, Finding, Note, Polled, Preview, Progress, Status
from services.mes_connector.domain.work_request import Kind, WorkRequest

_MODULE = "__jidoka__"  # of our external ids: named so that no module can ever be, whose upgrade would sweep them
# `update` with `noupdate`: create what is missing, leave alone what stands. Times are ours, in UTC.
_ONCE = {"mode": "update", "noupdate": True, "tz": "UTC"}
_LATER = ("could not serialize", "deadlock", "could not obtain lock")
_NAMES = NAMES | {"narrative_html", "maintenance_type", "schedule_date", "request_date"}


def open_odoo(
    system: Mes,
    secret: str,
    deadline_s: float,
    ca_file: Path | None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> "Odoo":
    """The adapter for Odoo 19 and later. Raises Invalid for options that cannot be used."""
    options = options_of(system, known.Options)
    headers = {
        "Authorization": f"bearer {secret}",
        "X-Odoo-Database": options.database,
        "Content-Type": "application/json",
    }
    http = Http(deadline_s, ca_file, headers=headers, secrets=[secret], transport=transport)
    return Odoo(system, options, Json2(system.url, http), http)


def open_odoo_rpc(
    system: Mes,
    secret: str,
    deadline_s: float,
    ca_file: Path | None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> "Odoo":
    """The adapter for Odoo 14 to 18. Raises Invalid for options that cannot be used."""
    options = options_of(system, known.RpcOptions)
    http = Http(deadline_s, ca_file, secrets=[secret], transport=transport)
    return Odoo(system, options, XmlRpc(system.url, http, options.database, options.login, secret), http)


class Odoo(OverHttp):
    """One database of one Odoo server."""

    def __init__(self, system: Mes, options: known.Options, calls: Calls, http: Http) -> None:
        super().__init__(http)
        self._mapping = system.mapping
        self._options = options
        self._calls = calls
        self._vocabulary = Vocabulary(system, options.unmapped)
        self._documents: dict[Kind, known.Document] = {kind: getattr(options, kind.value) for kind in Kind}
        self._templates = {
            kind: Template(document.shape, _NAMES, f"mes.options.{kind.value}.fields")
            for kind, document in self._documents.items()
        }

    async def probe(self) -> Answer:
        """Ask who we are."""
        said = await self._calls.call("res.users", "context_get")
        return said.answer if isinstance(said, Fault) else Answer(Outcome.OPENED)

    async def examine(self) -> Sequence[Finding]:
        """Credentials, then model, permissions, fields, values and references of each kind of request."""
        examiner = Examiner(self._calls, self._options, self._mapping)
        documents = {kind.value: document for kind, document in self._documents.items()}
        return await examiner.examine(await self.probe(), documents)

    def preview(self, order: Order) -> Preview:
        """The call as it would be made. Raises BadRequest."""
        model = self._documents[order.request.kind].model
        target = self._calls.target.format(model=model, method="load")
        return json_preview("POST", target, self._loaded(order.request))

    def _loaded(self, request: WorkRequest) -> dict[str, Any]:
        told = columns(self._templates[request.kind].fill(self._words(request)))
        return {
            "fields": ["id", *told],
            "data": [[f"{_MODULE}.{_name(request.key)}", *told.values()]],
            "context": _ONCE,
        }

    def _words(self, request: WorkRequest) -> dict[str, object]:
        due = datetime.fromtimestamp(request.due_at, UTC).strftime("%Y-%m-%d %H:%M:%S") if request.due_at else ""
        return self._vocabulary.values(request) | {
            # Odoo takes no name that it does not know: what nobody mapped stands in the description alone.
            "equipment": self._mapping.equipment.get(request.equipment_id, ""),
            "priority": self._vocabulary.priority(request, known.PRIORITIES),
            # A rule that foretells names a date, one that has seen a defect does not.
            "maintenance_type": "preventive" if due else "corrective",
            "schedule_date": due,
            "request_date": datetime.fromtimestamp(request.requested_at, UTC).strftime("%Y-%m-%d"),
            "narrative_html": "<br>".join(html.escape(line) for line in narrative(request).splitlines()),
        }

    async def _create(self, order: Order) -> Answer:
        """Load the record unless its external id stands already."""
        model = self._documents[order.request.kind].model
        said = await self._calls.call(model, "load", **self._loaded(order.request))
        if isinstance(said, Fault):
            return said.answer
        told = said.value if isinstance(said.value, dict) else {}
        if (ids := told.get("ids")) and isinstance(ids, list) and isinstance(ids[0], int):
            return Answer(Outcome.OPENED, external_id=f"{model}/{ids[0]}")
        if told.get("ids") is False:
            return await self._not_loaded(order, told)
        return Answer(Outcome.UNKNOWN, reason="load: an answer without ids: the look-up will tell")

    async def _not_loaded(self, order: Order, told: dict[str, Any]) -> Answer:
        # Two loads at the same moment: the second one meets the external id of the first.
        found = await self._find(order.request.key)
        if found.outcome is Outcome.OPENED:
            return found
        words = self._http.redacted("; ".join(_messages(told)))
        later = found.failed or any(sign in words for sign in _LATER)
        return Answer(Outcome.AWAY if later else Outcome.REFUSED, reason=f"load: {words}")

    async def _find(self, key: str) -> Answer:
        """Look for our external id, whatever model it stands for."""
        found = await self._refer(key)
        if isinstance(found, Answer):
            return found
        model, number = found
        # Odoo remembers the external id of a load that it rolled back, and shows none of what it hides from us. Whether
        # something stands there, the next load tells: it does not open what stands.
        return Answer(Outcome.OPENED, external_id=f"{model}/{number}") if number else Answer(Outcome.ABSENT)

    async def _refer(self, key: str) -> tuple[str, int] | Answer:
        """Model and number behind our external id, 0: none that we may see; or ABSENT, or a failure."""
        said = await self._calls.call("ir.model.data", "check_object_reference", module=_MODULE, xml_id=_name(key))
        if isinstance(said, Fault):
            missing = said.name == "builtins.ValueError" and "External ID not found" in said.words
            return Answer(Outcome.ABSENT) if missing else said.answer
        match said.value:
            case [str() as model, int() as number]:  # False is a number, too
                return model, int(number)
        return Answer(Outcome.AWAY, reason="check_object_reference: neither a model and a number nor an error")

    async def _comment(self, external_id: str, note: Note) -> Answer:
        """Log a note that names its id, unless there is one."""
        model, number = _apart(external_id)
        mark = f"[jidoka {note.id}]"
        where = [["model", "=", model], ["res_id", "=", number], ["body", "ilike", mark]]
        there = await self._calls.call("mail.message", "search_read", domain=where, fields=["body"], limit=20)
        if isinstance(there, Fault):
            return there.answer
        # Compared here too: to `ilike`, `_` is any letter.
        if isinstance(there.value, list) and any(mark in html.unescape(str(row.get("body"))) for row in there.value):
            return Answer(Outcome.OPENED, external_id=external_id)
        body = f"{note.text} {mark}"
        kind = {"message_type": "comment", "subtype_xmlid": "mail.mt_note"}  # an internal note, which mails nobody
        said = await self._calls.call(model, "message_post", ids=[number], body=body, **kind)
        if isinstance(said, Said):
            return Answer(Outcome.OPENED, external_id=external_id)
        return Answer(Outcome.ABSENT, reason=said.answer.reason) if said.name == MISSING else said.answer

    async def _progress(self, orders: Sequence[Filed]) -> Polled:
        """Two questions per model, and one for each order that is not among the answers."""
        seen: list[Progress] = []
        for model in dict.fromkeys(document.model for document in self._documents.values()):
            ours = {_apart(order.external_id)[1]: order for order in orders if _is(order, model)}
            if ours and (failure := await self._follow(model, ours, seen)):
                return Polled(failure, tuple(seen))
        return Polled(Answer(Outcome.OPENED), tuple(seen))

    async def _follow(self, model: str, ours: dict[int, Filed], seen: list[Progress]) -> Answer | None:
        flow = self._options.flow(model)
        stages = await Stages.read(self._calls, model, flow)
        if isinstance(stages, Answer):
            return stages
        rows = await self._rows(model, flow, list(ours))
        if isinstance(rows, Answer):
            return rows
        for number, order in ours.items():
            told = stand(order, rows[number], stages, flow) if number in rows else await self._missed(order)
            if isinstance(told, Answer):
                return told
            seen.append(told)
        return None

    async def _missed(self, order: Filed) -> Progress | Answer:
        """What a search does not show is deleted, or beyond our rights: then it is not over."""
        found = await self._refer(order.key)
        if not isinstance(found, Answer):
            return Progress(order.key, order.external_id, Status.OPEN, 0.0, "our user may not see it any more")
        if found.outcome is Outcome.ABSENT:
            return Progress(order.key, order.external_id, Status.GONE, 0.0)
        return found

    async def _rows(self, model: str, flow: known.Flow, numbers: list[int]) -> dict[int, dict[str, Any]] | Answer:
        said = await self._calls.call(
            model,
            "search_read",
            domain=[["id", "in", numbers]],
            fields=[flow.stage, flow.archived, "write_date", "write_uid"],
            context={"active_test": False},
        )
        if isinstance(said, Fault):
            return said.answer
        if not isinstance(said.value, list) or not all(isinstance(row, dict) for row in said.value):
            return Answer(Outcome.AWAY, reason="search_read: not a list of records")
        return {row.get("id"): row for row in said.value}


def _name(key: str) -> str:
    return key.replace(".", "%2E")  # a dot ends the module


def _is(order: Filed, model: str) -> bool:
    return order.external_id.startswith(f"{model}/")


def _apart(external_id: str) -> tuple[str, int]:
    model, _, number = external_id.rpartition("/")
    return model, int(number) if number.isascii() and number.isdecimal() else 0


def _messages(told: dict[str, Any]) -> list[str]:
    messages = told.get("messages")
    listed = messages if isinstance(messages, list) else []
    return [legible(it.get("message", "")) for it in listed if isinstance(it, dict)] or ["no reason given"]
