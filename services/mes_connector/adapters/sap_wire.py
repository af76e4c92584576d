"""OData V2 as SAP Gateway speaks it: a token against forged requests before any write, ETags, its errors and dates."""

import json
import re
from collections.abc import Mapping
from typing import Any

from services.mes_connector.adapters.http import Http, Reply, garbled
from services.mes_connector.domain.answer import Answer

_FORBIDDEN, _NOT_FOUND = 403, 404
_DATE = re.compile(r"/Date\((-?\d+)(?:[+-]\d+)?\)/")
Entity = dict[str, Any]


class Gateway:
    """Calls the services of one system. `http` carries the credentials, and keeps the session's cookies."""

    def __init__(self, url: str, http: Http, client: str) -> None:
        self._url = url.rstrip("/")
        self._http = http
        self._client = {"sap-client": client} if client else {}
        self._tokens: dict[str, str] = {}

    async def rows(self, service: str, entities: str, query: Mapping[str, str]) -> list[Entity] | Answer:
        """The entities that match."""
        reply = await self._get(service, entities, query)
        if isinstance(reply, Answer):
            return reply
        found = _body(reply)
        listed = found.get("results") if isinstance(found, dict) else None
        if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
            return garbled(reply, "a list of entities")
        return listed

    async def one(self, service: str, entities: str, key: str) -> Entity | Answer | None:
        """The entity with this key; None: there is none. Its ETag is in `__metadata`."""
        url = f"{self._url}/{service}/{entities}({literal(key)})"
        reply = await self._http.call("GET", url, query={"$format": "json", **self._client})
        if isinstance(reply, Answer):
            return reply
        if reply.status == _NOT_FOUND:
            return None
        if not reply.good:
            return self._refusal(reply)
        found = _body(reply)
        if not isinstance(found, dict):
            return garbled(reply, "an entity")
        metadata = found.get("__metadata")
        etag = metadata.get("etag") if isinstance(metadata, dict) else None
        return {**found, "__metadata": {"etag": etag or reply.headers.get("ETag", "*")}}

    async def create(self, service: str, entities: str, entity: Mapping[str, Any]) -> Entity | Answer:
        """The new entity as the system has it; an empty one when it says nothing that can be read."""
        reply = await self._write("POST", service, entities, entity, {})
        if isinstance(reply, Answer):
            return reply
        found = _body(reply)
        return found if isinstance(found, dict) else {}

    async def change(
        self, service: str, entities: str, key: str, changes: Mapping[str, Any], etag: str
    ) -> Reply | Answer:
        """Change an entity that nobody has changed since its ETag was read; otherwise REFUSED with 412."""
        return await self._write("PATCH", service, f"{entities}({literal(key)})", changes, {"If-Match": etag})

    async def root(self, service: str) -> Reply | Answer:
        """The service's own document: whether it is active, and takes our credentials."""
        return await self._get(service, "", {})

    async def _get(self, service: str, path: str, query: Mapping[str, str]) -> Reply | Answer:
        url = f"{self._url}/{service}/{path}"
        reply = await self._http.call("GET", url, query={"$format": "json", **self._client, **query})
        return reply if isinstance(reply, Answer) or reply.good else self._refusal(reply)

    async def _write(
        self, method: str, service: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Reply | Answer:
        reply = await self._send(method, service, path, body, headers)
        if isinstance(reply, Reply) and _wants_token(reply):
            # The token went with its session: nothing was done, and a fresh one settles it.
            self._tokens.pop(service, None)
            reply = await self._send(method, service, path, body, headers)
        return reply if isinstance(reply, Answer) or reply.good else self._refusal(reply)

    async def _send(
        self, method: str, service: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Reply | Answer:
        token = self._tokens.get(service) or await self._fetch_token(service)
        if isinstance(token, Answer):
            return token
        self._tokens[service] = token
        return await self._http.call(
            method,
            f"{self._url}/{service}/{path}",
            content=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "X-CSRF-Token": token, **headers},
            query=self._client,
        )

    async def _fetch_token(self, service: str) -> str | Answer:
        query = {"$format": "json", **self._client}
        reply = await self._http.call("GET", f"{self._url}/{service}/", headers={"X-CSRF-Token": "Fetch"}, query=query)
        if isinstance(reply, Answer):
            return reply
        if not reply.good:
            return self._refusal(reply)
        # A read: without a token nothing was written, whatever the next system in the chain answered.
        return reply.headers.get("X-CSRF-Token", "") or garbled(reply, "a service with a token")

    def _refusal(self, reply: Reply) -> Answer:
        return self._http.clean(reply.refusal(words(reply)))


def literal(value: str) -> str:
    """A text inside an OData address."""
    return "'" + value.replace("'", "''") + "'"


def unix(told: Any) -> float:
    """`/Date(milliseconds)/` as Unix seconds; 0: no date."""
    match = _DATE.fullmatch(told) if isinstance(told, str) else None
    return int(match[1]) / 1000 if match else 0.0


def words(reply: Reply) -> str:
    """What the system says to the person who would have sent this."""
    try:
        error = reply.json()["error"]
        details = error.get("innererror", {}).get("errordetails", [])
        told = [error["message"]["value"], *(detail["message"] for detail in details)]
        return f"{error['code']} {'; '.join(dict.fromkeys(map(str, told)))}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return reply.text


def _wants_token(reply: Reply) -> bool:
    return reply.status == _FORBIDDEN and reply.headers.get("X-CSRF-Token", "").lower() == "required"


def _body(reply: Reply) -> Any:
    try:
        body = reply.json()
    except ValueError:
        return None
    return body.get("d") if isinstance(body, dict) else None
