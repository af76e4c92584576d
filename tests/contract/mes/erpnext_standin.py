"""A stand-in for ERPNext 15: Frappe's REST interface as it is documented and as its source answers.

ERPNext itself cannot be had here. What is copied is what decides: token authentication; lists with filters and fields,
where an unknown field is refused; mandatory, link, select and unique constraints, each with the status, `exc_type` and
`_server_messages` that Frappe gives it. What is not: workflows, permissions per role, submission.
"""

import itertools
import json
from typing import Any
from urllib.parse import unquote

import httpx
from counterparts import DEADLINE_S, SECRET, Faults, section

from services.mes_connector import ports
from services.mes_connector.adapters.erpnext import open_erpnext

URL = "https://erp.plant"
OPTIONS = {
    "internal_quality": {"doctype": "Non Conformance", "fields": {"procedure": "PRC-1"}},
    "supplier_quality": {"doctype": "Non Conformance", "fields": {"procedure": "PRC-1"}},
}
STANDARD = {"name", "modified", "docstatus", "custom_vis_ref"}
FIELDS = {
    "Asset Repair": {"asset", "failure_date", "repair_status", "description", "actions_performed", "downtime"},
    "Non Conformance": {"subject", "procedure", "status", "details", "corrective_action"},
    "Comment": {"comment_type", "reference_doctype", "reference_name", "content"},
    "Asset": set(),
    "Item": set(),
    "Supplier": set(),
    "Custom Field": {"dt", "fieldname", "unique"},
}
MANDATORY = {"Asset Repair": ["asset", "failure_date"], "Non Conformance": ["subject", "procedure", "status"]}
SELECT = {"repair_status": ["Pending", "Completed", "Cancelled"], "status": ["Open", "Resolved", "Cancelled"]}
LINKS = {"asset": "Asset"}


class Refused(Exception):
    def __init__(self, status: int, exception: str, message: str) -> None:
        super().__init__(message)
        self.status, self.exception = status, exception


class ErpNextStandIn:
    """One site with one machine."""

    refusal = "Could not find Asset"

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, dict[str, Any]]] = {doctype: {} for doctype in FIELDS}
        self.documents["Asset"]["SMT1"] = {"name": "SMT1"}
        for doctype in ("Asset Repair", "Non Conformance"):
            custom = {"name": f"{doctype}-custom_vis_ref", "dt": doctype, "fieldname": "custom_vis_ref", "unique": 1}
            self.documents["Custom Field"][custom["name"]] = custom
        self.numbers = itertools.count(1)
        self.faults = Faults(httpx.MockTransport(self.handle))
        self.mes = self.reopened()

    def reopened(self, *, secret: str = SECRET, deadline_s: float = DEADLINE_S, **changes: Any) -> ports.Mes:
        system = section("erpnext", URL, **({"options": OPTIONS} | changes))
        return open_erpnext(system, secret, deadline_s, None, self.faults)

    def wrong_sections(self) -> list[dict[str, Any]]:
        misspelt = {"doctype": "Asset Repair", "fields": {"prioritty": "{priority}"}}
        return [
            {"mapping": {"equipment": {"jidoka/lyon": "NO-SUCH-ASSET"}}},
            {"options": OPTIONS | {"maintenance": misspelt}},
            {"options": OPTIONS | {"reference_field": "custom_forgotten"}},
        ]

    async def references(self) -> list[str]:
        return [it["custom_vis_ref"] for dt in MANDATORY for it in self.documents[dt].values()]

    async def comments(self, external_id: str) -> list[str]:
        name = external_id.partition("/")[2]
        return [it["content"] for it in self.documents["Comment"].values() if it["reference_name"] == name]

    async def complete(self, external_id: str) -> None:
        self._document(external_id).update(repair_status="Completed", actions_performed="nozzle 4 cleaned")

    async def cancel(self, external_id: str) -> None:
        self._document(external_id).update(repair_status="Cancelled")

    async def delete(self, external_id: str) -> None:
        doctype, _, name = external_id.partition("/")
        del self.documents[doctype][name]

    async def close(self) -> None:
        pass

    def _document(self, external_id: str) -> dict[str, Any]:
        doctype, _, name = external_id.partition("/")
        return self.documents[doctype][name]

    def handle(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._answer(request)
        except Refused as refused:
            message = json.dumps([json.dumps({"message": str(refused), "indicator": "red"})])
            exception = f"frappe.exceptions.{refused.exception}: {refused}"
            body = {"exc_type": refused.exception, "exception": exception, "_server_messages": message}
            return httpx.Response(refused.status, json=body)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("Authorization") != f"token {SECRET}":
            raise Refused(401, "AuthenticationError", "Invalid token")
        path = unquote(request.url.path)
        if path == "/api/method/frappe.auth.get_logged_user":
            return httpx.Response(200, json={"message": "jidoka@plant"})
        doctype = path.removeprefix("/api/resource/")
        if doctype not in FIELDS:
            raise Refused(404, "DoesNotExistError", f"DocType {doctype} not found")
        if request.method == "POST":
            return httpx.Response(200, json={"data": self._insert(doctype, json.loads(request.content))})
        return httpx.Response(200, json={"data": self._rows(doctype, dict(request.url.params))})

    def _insert(self, doctype: str, document: dict[str, Any]) -> dict[str, Any]:
        for field in MANDATORY.get(doctype, []):
            if not document.get(field):
                raise Refused(417, "MandatoryError", f"[{doctype}, new]: {field}")
        for field, linked in LINKS.items():
            if field in document and document[field] not in self.documents[linked]:
                raise Refused(417, "LinkValidationError", f"Could not find {linked}: {document[field]}")
        for field, allowed in SELECT.items():
            if field in document and document[field] not in allowed:
                raise Refused(417, "ValidationError", f"{field} cannot be {document[field]!r}")
        reference = document.get("custom_vis_ref")
        if reference and reference in [it.get("custom_vis_ref") for it in self.documents[doctype].values()]:
            raise Refused(417, "UniqueValidationError", "VIS Reference must be unique")
        name = f"{doctype[:3].upper()}-2026/{next(self.numbers):05d}"
        kept = {"docstatus": 0, "modified": "2026-11-21 10:00:00.123456", **document, "name": name}
        self.documents[doctype][name] = kept
        return kept

    def _rows(self, doctype: str, query: dict[str, str]) -> list[dict[str, Any]]:
        filters, fields = json.loads(query["filters"]), json.loads(query["fields"])
        for field in [*fields, *(condition[0] for condition in filters)]:
            if field not in FIELDS[doctype] | STANDARD:
                raise Refused(417, "DataError", f"Field not permitted in query: {field}")
        matching = [it for it in self.documents[doctype].values() if all(_holds(it, *one) for one in filters)]
        return [{field: it.get(field) for field in fields} for it in matching[: int(query["limit_page_length"])]]


def _holds(document: dict[str, Any], field: str, operator: str, value: Any) -> bool:
    told = document.get(field)
    if operator == "in":
        return told in value
    if operator == "like":
        return value.strip("%") in str(told)
    return str(told).lower() == str(value).lower()  # MariaDB's collation
