"""What `jidoka mes probe` looks at in an ERPNext site. Nothing is changed there."""

from collections.abc import Mapping

from services.mes_connector.adapters.erpnext_options import DocType
from services.mes_connector.adapters.erpnext_wire import Frappe
from services.mes_connector.adapters.vocabulary import Vocabulary
from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.progress import Finding

_DOCTYPES = {"equipment": "Asset", "materials": "Item", "suppliers": "Supplier"}


async def examine(
    credentials: Answer,
    frappe: Frappe,
    fields: Mapping[DocType, frozenset[str]],
    reference_field: str,
    vocabulary: Vocabulary,
) -> list[Finding]:
    """Findings in the order in which they are mended: without credentials nothing else can be said."""
    if credentials.outcome is not Outcome.OPENED:
        fix = "an API key and secret of an enabled user, as api_key:api_secret in the secret file"
        return [Finding("credentials", good=False, detail=credentials.reason, fix=fix)]
    found = [Finding("credentials", good=True)]
    for doctype, names in fields.items():
        found += [await _field(frappe, doctype, name) for name in ("name", *sorted(names))]
        found.append(await _unique(frappe, doctype, reference_field))
    found += vocabulary.priorities()
    for field, kind, theirs in vocabulary.references():
        found.append(await _reference(frappe, field, _DOCTYPES[kind], theirs))
    return found


async def _field(frappe: Frappe, doctype: str, name: str) -> Finding:
    what = f"{doctype}: read" if name == "name" else f"{doctype}.{name}"
    rows = await frappe.rows(doctype, [], [name], 1)
    if isinstance(rows, Answer):
        fix = f"give our user read and create on {doctype}" if name == "name" else "mend mes.options, or add the field"
        return Finding(what, good=False, detail=rows.reason, fix=fix)
    return Finding(what, good=True)


async def _unique(frappe: Frappe, doctype: str, reference_field: str) -> Finding:
    what = f"{doctype}.{reference_field}: unique"
    fix = f"add it to {doctype} as a custom field: Data, length 140, unique"
    readable = await _field(frappe, doctype, reference_field)
    if not readable.good:
        return Finding(what, good=False, detail=readable.detail, fix=fix)
    filters = [["dt", "=", doctype], ["fieldname", "=", reference_field]]
    rows = await frappe.rows("Custom Field", filters, ["unique"], 1)
    if isinstance(rows, Answer):
        return Finding(what, good=True, detail="it is there; we may not see whether it is unique: make sure")
    if not rows or not rows[0].get("unique"):
        return Finding(what, good=False, detail="there is no unique constraint on it", fix=fix)
    return Finding(what, good=True)


async def _reference(frappe: Frappe, field: str, doctype: str, theirs: str) -> Finding:
    rows = await frappe.rows(doctype, [["name", "=", theirs]], ["name"], 1)
    if isinstance(rows, Answer):
        return Finding(field, good=False, detail=rows.reason, fix=f"give our user read on {doctype}")
    if not rows:
        fix = f"mend the mapping, or add {theirs!r} there"
        return Finding(field, good=False, detail=f"there is no {doctype} {theirs!r}", fix=fix)
    return Finding(field, good=True, detail=theirs)
