"""What `jidoka mes probe` looks at in a Tryton. Nothing is changed there."""

from collections.abc import Mapping
from typing import Any

from services.contracts.mes import Mapping as Words
from services.mes_connector.adapters.tryton_calls import Tryton
from services.mes_connector.adapters.tryton_options import ALERT, INSPECTION, TASK, Options
from services.mes_connector.adapters.vocabulary import Vocabulary
from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.progress import Finding

_MODULES = {TASK: "project", ALERT: "quality", INSPECTION: "quality"}
_NEEDED = {TASK: ("create", "read"), ALERT: ("create", "read"), INSPECTION: ("create", "read"), "ir.note": ("create",)}


class Examiner:
    """Looks at one Tryton with the eyes of our user."""

    def __init__(self, tryton: Tryton, options: Options, mapping: Words, vocabulary: Vocabulary) -> None:
        self._tryton = tryton
        self._options = options
        self._mapping = mapping
        self._vocabulary = vocabulary

    async def examine(self, credentials: Answer, fields: Mapping[Any, frozenset[str]]) -> list[Finding]:
        """Findings in the order in which they are mended: without credentials nothing else can be said."""
        if credentials.outcome is not Outcome.OPENED:
            fix = "check mes.url and mes.options.database"
            if credentials.outcome is Outcome.LOCKED_OUT:
                fix = "mes.options.login of an active user, and its password in the secret file"
            return [Finding("credentials", good=False, detail=credentials.reason, fix=fix)]
        found = [Finding("credentials", good=True)]
        for model, names in fields.items():
            found += await self._fields(model, names)
        found += await self._permissions([*fields, *([INSPECTION] if ALERT in fields else []), "ir.note"])
        if ALERT in fields:
            found += [await self._control(), *await self._points()]
        for field, number in self._projects():
            found.append(await self._there(field, TASK, number, [["type", "=", "project"]]))
        found += [await self._status(name) for name in self._options.cancelled_statuses]
        return found + self._vocabulary.priorities()

    async def _fields(self, model: str, names: frozenset[str]) -> list[Finding]:
        said = await self._tryton.call(f"model.{model}.fields_get", [])
        if isinstance(said, Answer) or not isinstance(said.value, dict):
            detail = said.reason if isinstance(said, Answer) else "fields_get: not a list of fields"
            fix = f"activate Tryton's module {_MODULES[model]!r}, or make these requests something else"
            return [Finding(model, good=False, detail=detail, fix=fix)]
        fix = "mend task_fields or alert_fields of mes.options"
        return [
            Finding(f"{model} {name}", good=True)
            if name in said.value
            else Finding(f"{model} {name}", good=False, detail="there is no such field", fix=fix)
            for name in sorted(names)
        ]

    async def _permissions(self, models: list[str]) -> list[Finding]:
        said = await self._tryton.call("model.ir.model.access.get_access", models)
        if isinstance(said, Answer) or not isinstance(said.value, dict):
            return []  # a module that is missing was found before
        return [
            Finding(f"{model}: {operation}", good=True)
            if (said.value.get(model) or {}).get(operation)
            else Finding(
                f"{model}: {operation}",
                good=False,
                detail="our user may not",
                fix=f"a group for our user that may {operation} {model}",
            )
            for model in models
            for operation in _NEEDED[model]
        ]

    async def _control(self) -> Finding:
        if self._options.control is None:
            return Finding("mes.options.control", good=False, detail="not set", fix="the number of a quality control")
        return await self._there("mes.options.control", "quality.control", str(self._options.control), [])

    async def _points(self) -> list[Finding]:
        if not self._options.points:
            return []
        where = [["control", "=", self._options.control]]
        said = await self._tryton.call("model.quality.control.point.search_read", where, 0, None, None, ["name"])
        if isinstance(said, Answer) or not isinstance(said.value, list):
            return []  # the control was judged before
        there = {str(row.get("name")) for row in said.value if isinstance(row, dict)}
        return [
            Finding(f"mes.options.points.{name}", good=True)
            if name in there & self._options.points.keys()
            else Finding(
                f"mes.options.points.{name}",
                good=False,
                detail="the control has no such point" if name not in there else "the control asks for it",
                fix=f"exactly the control's points: {', '.join(sorted(there))}",
            )
            for name in sorted(there | self._options.points.keys())
        ]

    def _projects(self) -> list[tuple[str, str]]:
        mapped = [(f"mes.mapping.equipment.{ours}", theirs) for ours, theirs in self._mapping.equipment.items()]
        own = self._options.project
        return mapped + ([] if own is None else [("mes.options.project", str(own))])

    async def _there(self, field: str, model: str, number: str, also: list[Any]) -> Finding:
        if not number.isdecimal():
            return Finding(field, good=False, detail=f"{number!r} is no number", fix=f"the number of a {model}")
        said = await self._tryton.call(f"model.{model}.search_count", [["id", "=", int(number)], *also])
        if isinstance(said, Answer):
            return Finding(field, good=False, detail=said.reason, fix=f"let our user read {model}")
        if said.value:
            return Finding(field, good=True, detail=number)
        what = "project" if also else model
        return Finding(field, good=False, detail=f"there is no {what} {number}", fix="mend it, or add it in Tryton")

    async def _status(self, name: str) -> Finding:
        field = f"mes.options.cancelled_statuses {name!r}"
        said = await self._tryton.call("model.project.work.status.search_count", [["name", "=", name]])
        if not isinstance(said, Answer) and said.value:
            return Finding(field, good=True)
        fix = "the name of a task status in Tryton"
        return Finding(field, good=False, detail=f"there is no task status {name!r}", fix=fix)
