"""Frappe's REST interface: how it lists, how it says no, and which of its noes mean what to us."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from services.mes_connector.adapters.http import Http, Reply, garbled
from services.mes_connector.domain.answer import Answer, Outcome, classify

# Frappe answers 409 or 417 to what its database or its documents refuse; `exc_type` tells what it was.
TAKEN = frozenset({"UniqueValidationError", "DuplicateEntryError"})
"""Our reference stands already."""
_MAY_WORK_LATER = frozenset(
    {"TimestampMismatchError", "DocumentLockedError", "QueryDeadlockError", "QueryTimeoutError"}
)


class Frappe:
    """Calls one site. `http` carries the credentials."""

    def __init__(self, url: str, http: Http) -> None:
        self._url = url.rstrip("/")
        self._http = http

    async def rows(
        self, doctype: str, filters: Sequence[Sequence[Any]], fields: Sequence[str], limit: int
    ) -> list[dict[str, Any]] | Answer:
        """Documents that match, with these fields."""
        query = {
            "filters": json.dumps([list(condition) for condition in filters]),
            "fields": json.dumps(list(fields)),
            "limit_page_length": str(limit),
        }
        reply = await self.call("GET", self.path(doctype), query=query)
        if isinstance(reply, Answer):
            return reply
        listed = data(reply, "data")
        if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
            return garbled(reply, "a list of documents")
        return listed

    async def insert(self, doctype: str, document: Mapping[str, Any]) -> Reply | Answer:
        """A new document; a refusal because a unique value is taken comes back as the Reply."""
        content = json.dumps(document).encode()
        reply = await self._http.call("POST", self._url + self.path(doctype), content=content)
        if isinstance(reply, Answer) or reply.good or exception_of(reply) in TAKEN:
            return reply
        return self._http.clean(refusal(reply))

    async def call(self, method: str, path: str, query: Mapping[str, str] | None = None) -> Reply | Answer:
        """One call; the Reply only if it is good."""
        reply = await self._http.call(method, self._url + path, query=query)
        return reply if isinstance(reply, Answer) or reply.good else self._http.clean(refusal(reply))

    @staticmethod
    def path(doctype: str, name: str = "") -> str:
        """The resource of a doctype, or of one document."""
        return f"/api/resource/{quote(doctype)}" + (f"/{quote(name, safe='')}" if name else "")


def data(reply: Reply, key: str) -> Any:
    """What stands under `key`; None: nothing, or no JSON."""
    try:
        body = reply.json()
    except ValueError:
        return None
    return body.get(key) if isinstance(body, dict) else None


def exception_of(reply: Reply) -> str:
    """Frappe's name for what went wrong; empty: it does not say."""
    return str(data(reply, "exc_type") or "")


def refusal(reply: Reply) -> Answer:
    """The Answer for a status that is not good, in the words that a user of the site would have read."""
    outcome = Outcome.AWAY if exception_of(reply) in _MAY_WORK_LATER else classify(reply.status)
    return reply.refusal(_words(reply), outcome)


def _words(reply: Reply) -> str:
    try:
        messages = [json.loads(message)["message"] for message in json.loads(data(reply, "_server_messages") or "[]")]
    except (ValueError, KeyError, TypeError):
        messages = []
    told = "; ".join(str(message) for message in messages) or str(data(reply, "exception") or "") or reply.text
    return f"{exception_of(reply)} {told}".strip()
