"""Tryton's JSON-RPC: a session that is renewed when it has expired, and errors that come with status 200."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from services.mes_connector.adapters.http import Http, Reply, garbled, legible
from services.mes_connector.domain.answer import Answer, Outcome, classify

_FOR_PEOPLE = ("UserError", "UserWarning", "MissingDependenciesException")
# An error without a name is an exception of Python's, told by its words alone: these are wrong names and values.
_WRONG = re.compile(r"^'[\w.]*'$|has no attribute|unsupported operand|invalid literal|missing .* argument|not valid")
# With these come pages for browsers.
_PAGES: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "login and password are not taken",
    HTTPStatus.FORBIDDEN: "Tryton does not offer {method}",
    HTTPStatus.NOT_FOUND: "no such database, or no Tryton at this address",
}


@dataclass(frozen=True)
class Said:
    """What a method returned."""

    value: Any


class Tryton:
    """One database, as one user."""

    def __init__(self, url: str, http: Http, database: str, login: str, password: str, company: int | None) -> None:
        self.url = f"{url.rstrip('/')}/{database}/rpc/"
        self._http = http
        self._login = (login, password)
        self._session = ""
        self.locked_out = False
        """Whether the password was refused and no login has worked since."""
        self._context: dict[str, Any] = {} if company is None else {"company": company}

    @property
    def context(self) -> dict[str, Any]:
        """What comes last in every call: the company, once it is known."""
        return self._context

    async def call(self, method: str, *params: Any) -> Said | Answer:
        """Call `model.<name>.<method>`; logs in where that is needed."""
        for _ in range(2):
            if not self._session and (failure := await self._log_in()):
                return failure
            reply = await self._post(method, [*params, self._context], {"Authorization": f"Session {self._session}"})
            if isinstance(reply, Answer) or classify(reply.status) is not Outcome.LOCKED_OUT:
                break
            self._session = ""  # expired, or the server has forgotten it
        return reply if isinstance(reply, Answer) else self._read(reply, method)

    async def log_in(self) -> Answer:
        """Whether login and password are taken now."""
        return await self._log_in() or Answer(Outcome.OPENED)

    async def _log_in(self) -> Answer | None:
        login, password = self._login
        reply = await self._post("common.db.login", [login, {"password": password}], {})
        said = reply if isinstance(reply, Answer) else self._read(reply, "login")
        if isinstance(said, Answer):
            self.locked_out |= said.outcome is Outcome.LOCKED_OUT
            return said
        self.locked_out = False
        match said.value:
            case [int() as user, str() as token, *_]:
                self._session = base64.b64encode(f"{login}:{user}:{token}".encode()).decode()
            case _:
                return Answer(Outcome.AWAY, reason="login: neither a session nor an error")
        return None if "company" in self._context else await self._join()

    async def _join(self) -> Answer | None:
        headers = {"Authorization": f"Session {self._session}"}
        reply = await self._post("model.res.user.get_preferences", [True, {}], headers)
        said = reply if isinstance(reply, Answer) else self._read(reply, "get_preferences")
        if isinstance(said, Answer):
            return said
        if isinstance(said.value, dict) and isinstance(company := said.value.get("company"), int):
            self._context = {"company": company}
            return None
        reason = f"user {self._login[0]!r} works for no company: choose one in Tryton, or set mes.options.company"
        return Answer(Outcome.LOCKED_OUT, reason=reason)

    async def _post(self, method: str, params: list[Any], headers: dict[str, str]) -> Reply | Answer:
        content = json.dumps({"id": 1, "method": method, "params": params}).encode()
        headers = {**headers, "Content-Type": "application/json"}
        return await self._http.call("POST", self.url, content=content, headers=headers)

    def _read(self, reply: Reply, method: str) -> Said | Answer:
        if not reply.good:
            # A database that is not there is no fault of the request: none would be taken.
            outcome = Outcome.AWAY if reply.status == HTTPStatus.NOT_FOUND else None
            words = _PAGES.get(reply.status, "{text}").format(method=method, text=reply.text)
            return self._http.clean(reply.refusal(words, outcome))
        try:
            told = reply.json()
        except ValueError:
            return garbled(reply, "JSON")
        if isinstance(told, dict) and "error" in told:
            return self._http.clean(_refusal(told["error"], method))
        return Said(told["result"]) if isinstance(told, dict) and "result" in told else garbled(reply, "JSON-RPC")


def _refusal(error: Any, method: str) -> Answer:
    name, words = (str(error[0]), error[1:]) if isinstance(error, list) and error else ("", [error])
    reason = legible(f"{method}: {name} {' '.join(_texts(words))}")
    if name in _FOR_PEOPLE or _WRONG.search(name):
        return Answer(Outcome.REFUSED, reason=reason)
    return Answer(Outcome.AWAY, reason=reason)


def _texts(told: Any) -> list[str]:
    if isinstance(told, list):
        return [text for part in told for text in _texts(part)]
    return [told] if isinstance(told, str) and told else []
