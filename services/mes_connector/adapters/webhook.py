"""The generic MES webhook: signed JSON over HTTP, in the words that the plant file chooses.

Without options it speaks to any system that offers

    POST <url>                          the body of `webhook_options`; 2xx with {"id": "<order number>"}
    GET  <url>?external_reference=KEY   a list of orders, each with `id` and `external_reference`; empty: no such order
    GET  <url>/<number>                 the order with its `status`
    GET  <url>/<number>/comments        the list of its comments, each with the `id` that we gave
    POST <url>/<number>/comments        {"id", "text", "at"}

Headers: X-Jidoka-Timestamp (Unix seconds; for an order, of its claim), X-Jidoka-Signature (`sha256=` + hex HMAC-SHA256
of timestamp + "." + body), Idempotency-Key (the key, or the comment's id) and W3C `traceparent`. Times in a body are
RFC 3339 UTC.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from services.contracts.mes import Mes
from services.mes_connector.adapters.attempt import attempt
from services.mes_connector.adapters.http import Http, Reply, garbled, legible
from services.mes_connector.adapters.narrative import rfc3339
from services.mes_connector.adapters.one_by_one import one_by_one
from services.mes_connector.adapters.options import options_of
from services.mes_connector.adapters.preview import json_preview
from services.mes_connector.adapters.template import Template, at_path, text
from services.mes_connector.adapters.vocabulary import NAMES, Vocabulary
from services.mes_connector.adapters.webhook_options import Options
from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.order import Order
from services.mes_connector.domain.progress import Filed, Finding, Note, Polled, Preview, Progress, Status

# A look-up that finds nothing unless somebody names an order like this on purpose.
_PROBE_KEY = "jidoka-probe"
_GONE = (404, 410)
_COMMENT_NAMES = frozenset({"id", "text", "at"})


def open_webhook(
    system: Mes,
    secret: str,
    deadline_s: float,
    ca_file: Path | None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> "Webhook":
    """The adapter for this system. Raises Invalid for options that cannot be used."""
    sign = partial(signed, secret)
    http = Http(
        deadline_s,
        ca_file,
        headers={"Content-Type": "application/json"},
        sign=lambda content: sign(content, time.time()),
        secrets=[secret],
        transport=transport,
    )
    return Webhook(system, sign, http)


def signed(secret: str, body: bytes, now: float) -> dict[str, str]:
    """The headers that prove who sent `body`, and when (Unix seconds)."""
    timestamp = str(int(now))
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Jidoka-Timestamp": timestamp, "X-Jidoka-Signature": f"sha256={digest}"}


class Webhook:
    """One MES behind a webhook."""

    def __init__(self, system: Mes, sign: Callable[[bytes, float], Mapping[str, str]], http: Http) -> None:
        self._options = options = options_of(system, Options)
        self._url = system.url
        self._sign = sign
        self._http = http
        self._vocabulary = Vocabulary(system, options.unmapped)
        self._body = Template(options.template, NAMES, "mes.options.template")
        self._comment = Template(options.comment_template, _COMMENT_NAMES, "mes.options.comment_template")

    async def start(self) -> None:
        await self._http.start()

    async def stop(self) -> None:
        await self._http.stop()

    async def create(self, order: Order) -> Answer:
        """Ask for an order; the call belongs to the trace in which the rule fired."""
        return await attempt(order, self._create)

    async def find(self, key: str) -> Answer:
        """Look for an order with this external reference."""
        options = self._options
        query = {options.find_query: key} if options.find_query else None
        reply = await self._http.call("GET", self._at(options.find_path, key=key), query=query)
        if isinstance(reply, Reply) and reply.status in _GONE and not options.find_query:
            return Answer(Outcome.ABSENT)  # asked for by its own address; a list would have been empty
        if isinstance(reply, Answer) or not reply.good:
            return reply if isinstance(reply, Answer) else self._http.clean(reply.refusal())
        return self._found(reply, key)

    async def comment(self, external_id: str, note: Note) -> Answer:
        """Append a note unless one with its id stands there."""
        if not self._options.comments_path:
            return Answer(Outcome.REFUSED, reason="this system takes no comments: mes.options.comments_path is empty")
        return await self._http.within(self._append(external_id, note))

    async def progress(self, orders: Sequence[Filed]) -> Polled:
        """Ask for each order by its number."""
        return await one_by_one(orders, self._stand)

    async def probe(self) -> Answer:
        """Look for an order that nobody asked for."""
        return await self.find(_PROBE_KEY)

    async def examine(self) -> Sequence[Finding]:
        """The look-up with our credentials, the priorities, and the equipment where it can be asked for."""
        answer = await self.probe()
        good = answer.outcome in (Outcome.ABSENT, Outcome.OPENED)
        fix = {
            Outcome.LOCKED_OUT: "the same secret on both sides, and clocks within 5 minutes",
            Outcome.REFUSED: "check mes.url, mes.options.find_path and find_query",
        }.get(answer.outcome, "check mes.url, the network and the certificate authority")
        first = Finding("look-up with our signature", good=good, detail=answer.reason, fix="" if good else fix)
        if not good:
            return [first]
        return [first, *self._vocabulary.priorities(), *[await self._seen(*it) for it in self._vocabulary.references()]]

    def preview(self, order: Order) -> Preview:
        """The body as it would be posted. Raises BadRequest."""
        return json_preview("POST", self._at(self._options.create_path), self._filled(order))

    async def _create(self, order: Order) -> Answer:
        content = json.dumps(self._filled(order)).encode()
        # Of the claim, not of this moment: frozen in here and awake again, we send what nobody takes any more.
        headers = {"Idempotency-Key": order.request.key, **self._sign(content, order.updated_at)}
        reply = await self._http.ask("POST", self._at(self._options.create_path), content=content, headers=headers)
        return reply if isinstance(reply, Answer) else self._created(reply)

    def _filled(self, order: Order) -> dict[str, Any]:
        return self._body.fill(self._vocabulary.values(order.request))

    async def _append(self, external_id: str, note: Note) -> Answer:
        url = self._at(self._options.comments_path, number=external_id)
        reply = await self._http.call("GET", url)
        if isinstance(reply, Answer):
            return reply
        if reply.status in _GONE:
            return Answer(Outcome.ABSENT, reason=f"no order {external_id!r}")
        if not reply.good:
            return self._http.clean(reply.refusal())
        listed = _at(reply, self._options.comments)
        if not isinstance(listed, list):
            return garbled(reply, "a list of comments")
        if any(at_path(comment, self._options.comment_id) == note.id for comment in listed):
            return Answer(Outcome.OPENED, external_id=external_id)
        body = self._comment.fill({"id": note.id, "text": note.text, "at": rfc3339(note.at)})
        headers = {"Idempotency-Key": note.id}
        posted = await self._http.ask("POST", url, content=json.dumps(body).encode(), headers=headers)
        return posted if isinstance(posted, Answer) else Answer(Outcome.OPENED, external_id=external_id)

    async def _seen(self, field: str, kind: str, theirs: str) -> Finding:
        if kind != "equipment" or not self._options.equipment_path:
            return Finding(field, good=True, detail=f"{theirs} (not asked for: the webhook has no look-up for {kind})")
        reply = await self._http.ask("GET", self._at(self._options.equipment_path, equipment=theirs))
        if isinstance(reply, Answer):
            return Finding(field, good=False, detail=reply.reason, fix=f"mend the mapping, or add {theirs!r} there")
        return Finding(field, good=True, detail=theirs)

    def _at(self, path: str, **values: str) -> str:
        if not path:
            return self._url
        return self._url.rstrip("/") + text(path, {name: quote(value, safe="") for name, value in values.items()})

    def _created(self, reply: Reply) -> Answer:
        if number := _number(_at(reply, self._options.number)):
            return Answer(Outcome.OPENED, external_id=number)
        reason = f"POST: {reply.status} without an order number: the look-up will tell"
        return Answer(Outcome.UNKNOWN, reason=reason)

    def _found(self, reply: Reply, key: str) -> Answer:
        listed = _at(reply, self._options.found)
        if isinstance(listed, dict) and not self._options.find_query:
            listed = [listed]
        if not isinstance(listed, list):  # only an empty list proves that there is nothing
            return garbled(reply, "a list of orders")
        references = [at_path(order, self._options.reference) for order in listed]
        # Compared here too: an MES that ignores the query would answer with somebody else's order.
        numbers = [
            _number(at_path(order, self._options.number))
            for order, reference in zip(listed, references, strict=True)
            if reference == key
        ]
        if None in references or not all(numbers):
            return garbled(reply, "a list of orders with their references and numbers")
        return Answer(Outcome.OPENED, external_id=numbers[0]) if numbers else Answer(Outcome.ABSENT)

    async def _stand(self, filed: Filed) -> Progress | Answer:
        reply = await self._http.call("GET", self._at(self._options.order_path, number=filed.external_id))
        if isinstance(reply, Answer):
            return reply
        if reply.status in _GONE:
            return Progress(filed.key, filed.external_id, Status.GONE, 0.0)
        return self._progress(filed, reply) if reply.good else self._http.clean(reply.refusal())

    def _progress(self, filed: Filed, reply: Reply) -> Progress | Answer:
        order = _at(reply, "")
        if not isinstance(word := at_path(order, self._options.status), str):
            return garbled(reply, "an order with a status")
        # A word that nobody translated closes nothing: somebody reads it in the remark.
        known = self._options.statuses.get(word)
        remark = at_path(order, self._options.remark) if self._options.remark else ""
        remark = legible(remark or "") if known else f"status {legible(word)!r} is not in mes.options.statuses"
        changed_at = _unix(at_path(order, self._options.changed_at)) if self._options.changed_at else 0.0
        return Progress(filed.key, filed.external_id, known or Status.OPEN, changed_at, remark)


def _at(reply: Reply, path: str) -> Any:
    try:
        return at_path(reply.json(), path)
    except ValueError:
        return None


def _number(found: Any) -> str:
    return legible(found) if isinstance(found, (str, int)) and not isinstance(found, bool) and found else ""


def _unix(told: Any) -> float:
    if isinstance(told, (int, float)):
        return float(told)
    try:
        at = datetime.fromisoformat(str(told))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except ValueError:
        return 0.0
