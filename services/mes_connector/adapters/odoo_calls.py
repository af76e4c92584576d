"""How Odoo is asked, and how it says no. Odoo 19 onwards: JSON-2, a bearer key and one address per method."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from services.mes_connector.adapters.http import Http, Reply, garbled
from services.mes_connector.domain.answer import Answer, Outcome, classify

_KEY_NOT_TAKEN = frozenset({"odoo.exceptions.AccessDenied", "werkzeug.exceptions.Unauthorized"})
_MAY_WORK_LATER = frozenset({"odoo.exceptions.LockError", "odoo.exceptions.ConcurrencyError"})
_BROKEN_RULES = ("NotNullViolation", "CheckViolation", "ForeignKeyViolation", "UniqueViolation", "DataError")
NOT_ODOO = (404, 405)
"""Nothing of Odoo's stands at this address."""
MISSING = "odoo.exceptions.MissingError"


@dataclass(frozen=True)
class Said:
    """What a method returned."""

    value: Any


@dataclass(frozen=True)
class Fault:
    """Why it returned nothing: the answer that this is, and Odoo's own name of the error with its words."""

    answer: Answer
    name: str = ""
    words: str = ""


class Calls(Protocol):
    """One Odoo, whichever way it is spoken to."""

    target: str
    """Where a method of a model is called, for people: `{model}` and `{method}` in it."""

    async def call(self, model: str, method: str, *, ids: Sequence[int] | None = None, **told: Any) -> Said | Fault:
        """Call a public method: of the model, or of the records `ids`."""
        ...

    async def may(self, model: str, operation: str) -> Said | Fault:
        """Whether our user may `create` or `read` records of this model."""
        ...


class Json2:
    """`POST /json/2/<model>/<method>`; `http` carries key and database."""

    def __init__(self, url: str, http: Http) -> None:
        self.target = url.rstrip("/") + "/json/2/{model}/{method}"
        self._http = http

    async def call(self, model: str, method: str, *, ids: Sequence[int] | None = None, **told: Any) -> Said | Fault:
        """Call a public method: of the model, or of the records `ids`."""
        body = told if ids is None else {"ids": list(ids), **told}
        url = self.target.format(model=model, method=method)
        reply = await self._http.call("POST", url, content=json.dumps(body).encode())
        if isinstance(reply, Answer):
            return Fault(reply)
        try:
            answer = reply.json()
        except ValueError:
            return Fault(garbled(reply, "JSON")) if reply.good else _nobody(self._http, reply)
        return Said(answer) if reply.good else _fault(self._http, reply, answer)

    async def may(self, model: str, operation: str) -> Said | Fault:
        """Whether our user may `create` or `read` records of this model."""
        return await self.call(model, "has_access", operation=operation)


def outcome_of(name: str, status: int) -> Outcome:
    """What an error by this name means for a request. Odoo answers 500 to fields and values that do not exist."""
    if name in _KEY_NOT_TAKEN:
        return Outcome.LOCKED_OUT
    if name in _MAY_WORK_LATER:
        return Outcome.AWAY
    if name.startswith("psycopg2."):
        return Outcome.REFUSED if name.endswith(_BROKEN_RULES) else Outcome.AWAY
    if name.startswith(("odoo.exceptions.", "builtins.")):
        return Outcome.REFUSED
    return classify(status)


def _fault(http: Http, reply: Reply, told: Any) -> Fault:
    if not isinstance(told, dict) or not isinstance(name := told.get("name"), str):
        return _nobody(http, reply)
    words = str(told.get("message", ""))
    answer = reply.refusal(f"{name}: {words}", outcome_of(name, reply.status))
    return Fault(http.clean(answer), name, words)


def _nobody(http: Http, reply: Reply) -> Fault:
    # A database or an interface that is not there is no fault of the request: none would be taken.
    return Fault(http.clean(reply.refusal(outcome=Outcome.AWAY if reply.status in NOT_ODOO else None)))
