"""What `jidoka mes probe` looks at in an Odoo. Nothing is changed there."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from services.contracts.mes import Mapping as Words
from services.mes_connector.adapters.odoo_calls import Calls, Fault
from services.mes_connector.adapters.odoo_columns import column
from services.mes_connector.adapters.odoo_options import Document, Flow, Options
from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.progress import Finding

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_MAPPED = {
    "equipment": "equipment",
    "priority": "priorities",
    "failure": "failures",
    "cause": "causes",
    "their_material": "materials",
    "their_supplier": "suppliers",
}
"""Word of a template: the part of the mapping that it comes from."""
_FIXES = {
    Outcome.LOCKED_OUT: "a new API key of an enabled user in the secret file (Odoo: Preferences, Account Security)",
    Outcome.REFUSED: "check mes.options.database and the adapter (odoo: 19 and later, odoo-rpc: 14 to 18)",
    Outcome.AWAY: "check mes.url, mes.options.database and the adapter (odoo: 19 and later, odoo-rpc: 14 to 18)",
}
_NO_FIX = "check mes.url, the network and the certificate authority"
_ATTRIBUTES = ["type", "relation", "selection", "required", "readonly", "depends"]


class Examiner:
    """Looks at one Odoo with the eyes of our user."""

    def __init__(self, calls: Calls, options: Options, mapping: Words) -> None:
        self._calls = calls
        self._options = options
        self._mapping = mapping

    async def examine(self, credentials: Answer, documents: Mapping[str, Document]) -> list[Finding]:
        """Findings in the order in which they are mended: without credentials nothing else can be said."""
        if credentials.outcome is not Outcome.OPENED:
            fix = _FIXES.get(credentials.outcome, _NO_FIX)
            return [Finding("credentials", good=False, detail=credentials.reason, fix=fix)]
        found = [Finding("credentials", good=True)]
        for kind, document in documents.items():
            found += await self._document(f"mes.options.{kind}", document)
        return list(dict.fromkeys(found))  # kinds that become the same record share most findings

    async def _document(self, option: str, document: Document) -> list[Finding]:
        model = document.model
        flow, flows = self._options.flow(model), f"mes.options.flows.{model}"
        said = await self._calls.call(model, "fields_get", attributes=_ATTRIBUTES)
        if isinstance(said, Fault) or not isinstance(said.value, dict):
            detail = said.answer.reason if isinstance(said, Fault) else "fields_get: not a list of fields"
            fix = f"install the application that has it, let our user read it, or change {option}.model"
            return [Finding(model, good=False, detail=detail, fix=fix)]
        fields: dict[str, Any] = said.value
        found = [await self._permission(model, operation) for operation in ("create", "read")]
        found += [_known(f"{model} {field}", fields, field, option) for field in document.shape]
        found += [_known(f"{model} {name}", fields, name, flows) for name in (flow.stage, flow.archived)]
        found += await self._required(model, fields, document)
        found += await self._done(fields, flow, flows)
        for field, told in document.shape.items():
            if field in fields:
                for what, value in self._values(f"{option}.fields.{field}", told):
                    found += await self._value(what, field, value, fields[field])
        return found

    async def _permission(self, model: str, operation: str) -> Finding:
        said = await self._calls.may(model, operation)
        what = f"{model}: {operation}"
        if not isinstance(said, Fault) and said.value is True:
            return Finding(what, good=True)
        detail = said.answer.reason if isinstance(said, Fault) else "our user may not"
        return Finding(what, good=False, detail=detail, fix=f"give our user a group that may {operation} {model}")

    async def _required(self, model: str, fields: Mapping[str, Any], document: Document) -> list[Finding]:
        asked = [
            name
            for name, told in fields.items()
            if told.get("required") and not told.get("depends") and name not in document.shape
        ]
        said = await self._calls.call(model, "default_get", fields_list=asked)
        if isinstance(said, Fault) or not isinstance(said.value, dict):
            return []
        return [
            Finding(f"{model} {name}", good=False, detail="must be filled", fix="name it in `fields` of mes.options")
            for name in asked
            if said.value.get(name) in (None, False) and fields[name].get("type") != "boolean"
        ]

    async def _done(self, fields: Mapping[str, Any], flow: Flow, option: str) -> list[Finding]:
        relation = fields.get(flow.stage, {}).get("relation")
        if not relation:
            return []
        said = await self._calls.call(relation, "fields_get", allfields=[flow.done], attributes=["type"])
        if isinstance(said, Fault):
            return [Finding(relation, good=False, detail=said.answer.reason, fix=f"let our user read {relation}")]
        known: dict[str, Any] = said.value if isinstance(said.value, dict) else {}
        return [_known(f"{relation} {flow.done}", known, flow.done, option)]

    def _values(self, field: str, told: Any) -> Iterator[tuple[str, str]]:
        """What may be written into a field, as far as the plant file says: (where it says so, value)."""
        if not isinstance(told, str) or not (words := _PLACEHOLDER.findall(told)):
            yield field, str(told)
        elif told == f"{{{words[0]}}}" and (part := _MAPPED.get(words[0])):
            for ours, theirs in getattr(self._mapping, part).items():
                yield f"mes.mapping.{part}.{ours}", theirs

    async def _value(self, what: str, field: str, value: str, told: Mapping[str, Any]) -> list[Finding]:
        if told.get("type") == "selection":
            allowed = {str(word) for pair in told.get("selection") or [] for word in pair}
            fix = f"one of {', '.join(str(key) for key, _ in told.get('selection') or [])}"
            return [_judged(what, value, value in allowed, f"{value!r} is no {field}", fix)]
        if told.get("type") != "many2one":
            return []
        there = await self._is_there(str(told.get("relation")), column(field, value), value)
        if isinstance(there, Answer):
            return [Finding(what, good=False, detail=there.reason, fix=f"let our user read {told.get('relation')}")]
        detail = f"there is no {told.get('relation')} {value!r}"
        return [_judged(what, value, there, detail, f"mend it, or add {value!r} in Odoo")]

    async def _is_there(self, relation: str, column_: str, value: str) -> bool | Answer:
        if column_.endswith("/.id"):
            said = await self._calls.call(relation, "search_count", domain=[["id", "=", int(value)]])
        elif column_.endswith("/id"):
            module, _, name = value.partition(".")
            said = await self._calls.call("ir.model.data", "check_object_reference", module=module, xml_id=name)
            if isinstance(said, Fault) and "External ID not found" in said.words:
                return False
        else:
            said = await self._calls.call(relation, "name_search", name=value, operator="=", limit=2)
        return said.answer if isinstance(said, Fault) else bool(said.value)


def _judged(what: str, value: str, good: bool, detail: str, fix: str) -> Finding:
    return Finding(what, good=True, detail=value) if good else Finding(what, good=False, detail=detail, fix=fix)


def _known(what: str, fields: Mapping[str, Any], name: str, option: str) -> Finding:
    if name not in fields:
        fix = f"mend {option} in the plant file, or add the field in Odoo"
        return Finding(what, good=False, detail="there is no such field, or our user may not see it", fix=fix)
    return Finding(what, good=True)
