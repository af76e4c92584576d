"""The generic MES webhook: signed JSON over HTTP.

    POST <url>                          the body below; 2xx with {"id": "<order number>"}
    GET  <url>?external_reference=KEY   a list of orders, each with `id` and `external_reference`; empty: no such order

Headers: X-Jidoka-Timestamp (Unix seconds), X-Jidoka-Signature (`sha256=` + hex HMAC-SHA256 of timestamp + "." + body),
Idempotency-Key (the key) and W3C `traceparent`. Times in the body are RFC 3339 UTC; `priority` is 1 critical .. 4 low.
"""

import asyncio
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
from opentelemetry.trace import SpanKind

from services.chassis import telemetry
from services.mes_connector.domain.answer import Answer, Outcome, classify
from services.mes_connector.domain.order import Order
from services.mes_connector.domain.work_request import WorkRequest

# A look-up that finds nothing unless somebody names an order like this on purpose.
_PROBE_KEY = "jidoka-probe"
_LONGEST_PAUSE_S = 86_400.0  # no Retry-After may silence us for longer than people would notice
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def body_of(request: WorkRequest) -> dict[str, object]:
    """What the MES gets to read."""
    return {
        "external_reference": request.key,
        "kind": request.kind.value,
        "title": request.title,
        "description": request.description,
        "priority": request.priority,
        "equipment_id": request.equipment_id,
        "station": f"{request.place.site}/{request.place.line}/{request.place.station}",
        "failure_code": request.defect_label,
        "lot": request.lot_id,
        "rule": {
            "id": request.rule_id,
            "first_part_sequence": request.first_part_sequence,
            "last_part_sequence": request.last_part_sequence,
        },
        "evidence": list(request.inspection_ids),
        "episode": request.episode_id,
        "trace_id": request.trace_id,
        "source": "jidoka",
        "created": datetime.fromtimestamp(request.requested_at, UTC).isoformat(),
    }


def signed(secret: str, body: bytes, now: float) -> dict[str, str]:
    """The headers that prove who sent `body`, and when (Unix seconds)."""
    timestamp = str(int(now))
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Jidoka-Timestamp": timestamp, "X-Jidoka-Signature": f"sha256={digest}"}


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float:
    """Retry-After as seconds from `now`, at most a day (RFC 9110 10.2.3: seconds or a date); 0: none, or illegible."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _LONGEST_PAUSE_S)
    try:
        return min(max((parsedate_to_datetime(value) - now).total_seconds(), 0.0), _LONGEST_PAUSE_S)
    except (ValueError, TypeError):
        return 0.0


class Webhook:
    """One MES behind a webhook. Certificates are always verified."""

    def __init__(self, url: str, secret: str, deadline_s: float, ca_file: Path | None) -> None:
        self._url = url
        self._secret = secret
        self._deadline_s = deadline_s
        # Proxies of the environment are not asked: orders go where the plant file says.
        trust = ssl.create_default_context(cafile=ca_file)
        self._client = httpx.AsyncClient(timeout=deadline_s, verify=trust, trust_env=False)

    async def start(self) -> None:
        """Nothing to do: connections are made when needed."""

    async def stop(self) -> None:
        await self._client.aclose()

    async def create(self, order: Order) -> Answer:
        """Ask for an order; the call belongs to the trace in which the rule fired."""
        key = order.request.key
        parent = telemetry.extract({"traceparent": order.traceparent})
        with telemetry.span(
            "mes create order", SpanKind.CLIENT, parent=parent, key=key, attempt=order.attempts
        ) as span:
            response = await self._call("POST", json.dumps(body_of(order.request)).encode(), {"Idempotency-Key": key})
            answer = response if isinstance(response, Answer) else _created(response)
            span.set_attribute("outcome", answer.outcome.name)
            return answer

    async def find(self, key: str) -> Answer:
        """Look for an order with this external reference."""
        response = await self._call("GET", b"", {}, {"external_reference": key})
        return response if isinstance(response, Answer) else _found(response, key)

    async def probe(self) -> Answer:
        """Look for an order that nobody asked for."""
        return await self.find(_PROBE_KEY)

    async def _call(
        self, method: str, body: bytes, headers: dict[str, str], query: dict[str, str] | None = None
    ) -> httpx.Response | Answer:
        headers = {"Content-Type": "application/json", **headers, **telemetry.inject()}
        headers |= signed(self._secret, body, time.time())
        try:
            async with asyncio.timeout(self._deadline_s):
                response = await self._client.request(method, self._url, content=body, headers=headers, params=query)
        except _NEVER_SENT as error:
            return Answer(Outcome.AWAY, reason=f"{method}: {error or type(error).__name__}")
        except (httpx.HTTPError, TimeoutError) as error:
            return Answer(Outcome.UNKNOWN, reason=f"{method}: no answer: {type(error).__name__}")
        outcome = classify(response.status_code)
        if outcome is Outcome.OPENED:
            return response
        reason = f"{method}: {response.status_code} {_legible(response.text)}".strip()
        return Answer(outcome, reason=reason, retry_after_s=retry_after_s(response.headers, datetime.now(UTC)))


def _legible(told: object) -> str:
    """What the MES told, in one line without characters that a database would refuse."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(told)).split())[:300]


def _number(order: dict[str, object]) -> str:
    if not (number := order["id"]):
        raise ValueError("an order without a number")
    return _legible(number)


def _created(response: httpx.Response) -> Answer:
    try:
        return Answer(Outcome.OPENED, external_id=_number(response.json()))
    except (ValueError, KeyError, TypeError):
        reason = f"POST: {response.status_code} without an order number: the look-up will tell"
        return Answer(Outcome.UNKNOWN, reason=reason)


def _found(response: httpx.Response, key: str) -> Answer:
    try:
        if not isinstance(listed := response.json(), list):  # only an empty list proves that there is nothing
            raise TypeError("not a list")
        # Compared here too: an MES that ignores the query would answer with somebody else's order.
        numbers = [_number(order) for order in listed if order["external_reference"] == key]
    except (ValueError, KeyError, TypeError):
        return Answer(Outcome.AWAY, reason=f"GET: {response.status_code} is not a list of orders")
    return Answer(Outcome.OPENED, external_id=numbers[0]) if numbers else Answer(Outcome.ABSENT)
