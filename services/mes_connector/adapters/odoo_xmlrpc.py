"""Odoo 14 to 18 over XML-RPC; Odoo 19 still listens to it, and Odoo 22 will not."""

import xmlrpc.client
from collections.abc import Mapping, Sequence
from typing import Any
from xml.parsers.expat import ExpatError

from services.mes_connector.adapters.http import Http, Reply, garbled, legible
from services.mes_connector.adapters.odoo_calls import MISSING, NOT_ODOO, Fault, Said, outcome_of
from services.mes_connector.domain.answer import Answer, Outcome

_NAMES: Mapping[int, str] = {
    2: "odoo.exceptions.UserError",
    3: "odoo.exceptions.AccessDenied",
    4: "odoo.exceptions.AccessError",
}
"""Of Odoo's fault codes; 1 is everything else, with a traceback."""
_UNREADABLE = (ExpatError, xmlrpc.client.Error, ValueError, TypeError, LookupError)
_NO_SUCH_RECORD = "Record does not exist or has been deleted"


class XmlRpc:
    """`execute_kw` with database, user number and key in every call; the number is asked for once."""

    def __init__(self, url: str, http: Http, database: str, login: str, secret: str) -> None:
        self._url = url.rstrip("/")
        self.target = f"{self._url}/xmlrpc/2/object execute_kw({{model}}, {{method}})"
        self._http = http
        self._login = (database, login, secret)
        self._user = 0

    async def call(
        self, model: str, method: str, *, ids: Sequence[int] | None = None, **arguments: Any
    ) -> Said | Fault:
        """Call a public method: of the model, or of the records `ids`."""
        if not self._user and (fault := await self._log_in()):
            return fault
        database, _, secret = self._login
        positional = [] if ids is None else [list(ids)]
        said = await self._ask(
            "object", "execute_kw", database, self._user, secret, model, method, positional, arguments
        )
        if isinstance(said, Fault) and said.answer.outcome is Outcome.LOCKED_OUT:
            self._user = 0
        return said

    async def may(self, model: str, operation: str) -> Said | Fault:
        """Whether our user may `create` or `read` records of this model."""
        return await self.call(model, "check_access_rights", operation=operation, raise_exception=False)

    async def _log_in(self) -> Fault | None:
        said = await self._ask("common", "authenticate", *self._login, {})
        if isinstance(said, Fault):
            return said
        if not isinstance(said.value, int) or not said.value:
            return Fault(Answer(Outcome.LOCKED_OUT, reason=f"Odoo does not take the key of {self._login[1]!r}"))
        self._user = said.value
        return None

    async def _ask(self, service: str, method: str, *parameters: Any) -> Said | Fault:
        content = xmlrpc.client.dumps(parameters, method).encode()
        headers = {"Content-Type": "text/xml"}
        reply = await self._http.call("POST", f"{self._url}/xmlrpc/2/{service}", content=content, headers=headers)
        if isinstance(reply, Answer):
            return Fault(reply)
        if not reply.good:
            outcome = Outcome.AWAY if reply.status in NOT_ODOO else None
            return Fault(self._http.clean(reply.refusal(outcome=outcome)))
        return self._read(reply)

    def _read(self, reply: Reply) -> Said | Fault:
        try:
            # Bounded by Http to a megabyte, and expat itself stops entities that grow.
            values, _ = xmlrpc.client.loads(reply.body, use_builtin_types=True)
            return Said(values[0])
        except xmlrpc.client.Fault as fault:
            return self._fault(fault)
        except _UNREADABLE:
            return Fault(garbled(reply, "XML-RPC"))

    def _fault(self, fault: xmlrpc.client.Fault) -> Fault:
        name = _NAMES.get(fault.faultCode, "")
        words = fault.faultString.strip()
        if not name:  # the last line of a traceback is the error
            name, _, words = words.rpartition("\n")[2].partition(": ")
            name = name if "." in name else f"builtins.{name}"
        elif _NO_SUCH_RECORD in words:
            name = MISSING
        reason = self._http.redacted(legible(f"{name}: {words}"))
        return Fault(Answer(outcome_of(name, 500), reason=reason), name, words)
