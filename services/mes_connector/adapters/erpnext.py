"""ERPNext 15 and 16 over its REST interface: Asset Repair, Quality Inspection or Non Conformance per kind of request.

Our reference stands in a custom field with a unique constraint, so that ERPNext itself refuses a second document:
even a look-up that came too early cannot make a duplicate. An order's number is `<doctype>/<name>`.
"""

import html
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from services.contracts.mes import Mes
from services.mes_connector.adapters import erpnext_options as known
from services.mes_connector.adapters.erpnext_examine import examine
from services.mes_connector.adapters.erpnext_wire import TAKEN, Frappe, data, exception_of, refusal
from services.mes_connector.adapters.http import Http, legible
from services.mes_connector.adapters.narrative import narrative
from services.mes_connector.adapters.options import options_of
from services.mes_connector.adapters.over_http import OverHttp
from services.mes_connector.adapters.preview import json_preview
from services.mes_connector.adapters.template import Template
from services.mes_connector.adapters.vocabulary import NAMES, Vocabulary
from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.order import Order
from services.mes_connector.domain.progress import Filed, Finding, Note, Polled, Preview, Progress, Status
from services.mes_connector.domain.work_request import BadRequest, Kind, WorkRequest

_CANCELLED = 2  # `docstatus`: 0 draft, 1 submitted
_NAMES = NAMES | {"local_time", "local_date", "narrative_html"}


def open_erpnext(
    system: Mes,
    secret: str,
    deadline_s: float,
    ca_file: Path | None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> "ErpNext":
    """The adapter for this site. Raises Invalid for options that cannot be used."""
    headers = {"Authorization": f"token {secret}", "Accept": "application/json", "Content-Type": "application/json"}
    secrets = [secret, secret.partition(":")[2]]
    return ErpNext(system, Http(deadline_s, ca_file, headers=headers, secrets=secrets, transport=transport))


class ErpNext(OverHttp):
    """One ERPNext site."""

    def __init__(self, system: Mes, http: Http) -> None:
        super().__init__(http)
        self._options = options = options_of(system, known.Options)
        self._frappe = Frappe(system.url, http)
        self._url = system.url.rstrip("/")
        self._vocabulary = Vocabulary(system, options.unmapped)
        chosen: dict[Kind, known.Document | None] = {kind: getattr(options, kind.value) for kind in Kind}
        self._documents = {kind: document for kind, document in chosen.items() if document is not None}
        self._templates = {kind: _template(kind, document) for kind, document in self._documents.items()}

    async def probe(self) -> Answer:
        """Ask who we are."""
        reply = await self._frappe.call("GET", "/api/method/frappe.auth.get_logged_user")
        return reply if isinstance(reply, Answer) else Answer(Outcome.OPENED)

    async def examine(self) -> Sequence[Finding]:
        """Credentials, then fields and constraint of each doctype, then every reference of the mapping."""
        fields: dict[known.DocType, frozenset[str]] = {}
        for kind, document in self._documents.items():
            fields[document.doctype] = fields.get(document.doctype, frozenset()) | self._templates[kind].keys
        return await examine(await self.probe(), self._frappe, fields, self._options.reference_field, self._vocabulary)

    def preview(self, order: Order) -> Preview:
        """The document as it would be inserted. Raises BadRequest."""
        doctype = self._document(order.request.kind).doctype
        return json_preview("POST", self._url + self._frappe.path(doctype), self._filled(order.request))

    def _document(self, kind: Kind) -> known.Document:
        if kind not in self._documents:
            raise BadRequest("kind", kind.value, f"say in mes.options.{kind.value} what it becomes")
        return self._documents[kind]

    def _doctypes(self) -> list[known.DocType]:
        return list(dict.fromkeys(document.doctype for document in self._documents.values()))

    def _filled(self, request: WorkRequest) -> dict[str, Any]:
        local = datetime.fromtimestamp(request.requested_at, self._options.timezone)
        extra = {
            "local_time": local.strftime("%Y-%m-%d %H:%M:%S"),
            "local_date": local.strftime("%Y-%m-%d"),
            "narrative_html": "<br>".join(html.escape(line) for line in narrative(request).splitlines()),
        }
        filled = self._templates[request.kind].fill(self._vocabulary.values(request) | extra)
        return filled | {self._options.reference_field: request.key}

    async def _create(self, order: Order) -> Answer:
        """Insert the document; that its reference is taken is as good as having inserted it."""
        doctype = self._document(order.request.kind).doctype
        reply = await self._frappe.insert(doctype, self._filled(order.request))
        if isinstance(reply, Answer):
            return reply
        if exception_of(reply) in TAKEN:
            found = await self._find(order.request.key)
            # Another unique field may be the one that is taken: then there is no document of ours.
            return self._http.clean(refusal(reply)) if found.outcome is Outcome.ABSENT else found
        document = data(reply, "data")
        if not isinstance(document, dict) or not isinstance(name := document.get("name"), str) or not name:
            return Answer(Outcome.UNKNOWN, reason=f"POST: {reply.status} without a name: the look-up will tell")
        return Answer(Outcome.OPENED, external_id=f"{doctype}/{legible(name)}")

    async def _find(self, key: str) -> Answer:
        """Look for our reference in every doctype that a request may become."""
        field = self._options.reference_field
        for doctype in self._doctypes():
            rows = await self._frappe.rows(doctype, [[field, "=", key]], ["name", field], 2)
            if isinstance(rows, Answer):
                return rows
            # Compared here too: MariaDB's `=` does not see upper and lower case.
            if names := [row.get("name") for row in rows if row.get(field) == key]:
                return Answer(Outcome.OPENED, external_id=f"{doctype}/{legible(names[0])}")
        return Answer(Outcome.ABSENT)

    async def _comment(self, external_id: str, note: Note) -> Answer:
        """Append a comment that names the note's id, unless there is one."""
        doctype, _, name = external_id.partition("/")
        standing = await self._frappe.rows(doctype, [["name", "=", name]], ["name"], 1)
        if isinstance(standing, Answer):
            return standing
        if not standing:
            return Answer(Outcome.ABSENT, reason=f"no document {external_id!r}")
        mark = f"[jidoka {note.id}]"
        about = {"comment_type": "Comment", "reference_doctype": doctype, "reference_name": name}
        filters = [[field, "=", value] for field, value in about.items()]
        rows = await self._frappe.rows("Comment", [*filters, ["content", "like", f"%{mark}%"]], ["content"], 1)
        if isinstance(rows, Answer):
            return rows
        if not rows:
            content = f"{html.escape(note.text)} {html.escape(mark)}"
            reply = await self._frappe.insert("Comment", {**about, "content": content})
            if isinstance(reply, Answer):
                return reply
        return Answer(Outcome.OPENED, external_id=external_id)

    async def _progress(self, orders: Sequence[Filed]) -> Polled:
        """One question per doctype."""
        seen: list[Progress] = []
        for doctype in known.STATUS_FIELD:
            ours = {order.external_id.partition("/")[2]: order for order in orders if _is(order, doctype)}
            if not ours:
                continue
            fields = list({"name", "docstatus", "modified", known.STATUS_FIELD[doctype], known.REMARK[doctype]})
            rows = await self._frappe.rows(doctype, [["name", "in", list(ours)]], fields, len(ours))
            if isinstance(rows, Answer):
                return Polled(rows)
            standing = {str(row.get("name")): row for row in rows}
            seen += [self._stand(doctype, order, standing.get(name)) for name, order in ours.items()]
        return Polled(Answer(Outcome.OPENED), tuple(seen))

    def _stand(self, doctype: known.DocType, order: Filed, row: dict[str, Any] | None) -> Progress:
        if row is None:
            return Progress(order.key, order.external_id, Status.GONE, 0.0)
        word = str(row.get(known.STATUS_FIELD[doctype]))
        status = known.STATUSES[doctype].get(word, Status.OPEN)
        if row.get("docstatus") == _CANCELLED:  # whatever its status says, a cancelled document is void
            status = Status.CANCELLED
        remark = legible(row.get(known.REMARK[doctype]) or "")
        return Progress(order.key, order.external_id, status, self._unix(row.get("modified")), remark)

    def _unix(self, local: Any) -> float:
        try:
            return datetime.fromisoformat(str(local)).replace(tzinfo=self._options.timezone).timestamp()
        except ValueError:
            return 0.0


def _template(kind: Kind, document: known.Document) -> Template:
    shape = {**known.FIELDS[document.doctype], **document.fields}
    return Template(shape, _NAMES, f"mes.options.{kind.value}.fields")


def _is(order: Filed, doctype: str) -> bool:
    return order.external_id.startswith(f"{doctype}/")
