"""One way to call a plant system over HTTP: on time, bounded, over verified TLS, and never telling a secret.

What comes back is a Reply (the system answered, whatever its status) or an Answer (it did not).
"""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar, overload

import httpx

from services.chassis import telemetry
from services.mes_connector.domain.answer import Answer, Outcome, classify

LONGEST_ANSWER = 1 << 20  # bytes; no order or list of a hundred orders comes near
_LONGEST_PAUSE_S = 86_400.0  # no Retry-After may silence us for longer than people would notice
_LONGEST_REASON = 300
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    """What the system said to one call."""

    method: str
    status: int
    headers: Mapping[str, str]
    """Looked up in any case."""
    body: bytes

    @property
    def good(self) -> bool:
        """Whether the status is a 2xx."""
        return classify(self.status) is Outcome.OPENED

    def json(self) -> Any:
        """The body. Raises ValueError for what is not JSON, or nested deeper than anybody means it."""
        try:
            return json.loads(self.body)
        except RecursionError as error:  # 200 kB of [ (S18)
            raise ValueError("nested too deeply") from error

    @property
    def text(self) -> str:
        """The body as far as it can be read."""
        return self.body.decode(errors="replace")

    def refusal(self, words: str | None = None, outcome: Outcome | None = None) -> Answer:
        """The Answer for a status that is not good, in the system's own `words` (default: the body)."""
        reason = legible(f"{self.method}: {self.status} {self.text if words is None else words}")
        pause_s = retry_after_s(self.headers, datetime.now(UTC))
        return Answer(outcome or classify(self.status), reason=reason, retry_after_s=pause_s)


def legible(told: object) -> str:
    """What a system told, in one line without characters that a database would refuse."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(told)).split())[:_LONGEST_REASON]


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float:
    """Retry-After as seconds from `now`, at most a day (RFC 9110 10.2.3: seconds or a date); 0: none, or illegible."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _LONGEST_PAUSE_S)
    try:
        return min(max((parsedate_to_datetime(value) - now).total_seconds(), 0.0), _LONGEST_PAUSE_S)
    except (ValueError, TypeError):
        return 0.0


class Http:
    """Calls one system. Certificates are always verified; redirects are not followed; proxies are not asked.

    `sign` makes the headers that prove a content, unless a call brings its own. `secrets` are cut out of every reason,
    should the system repeat one. `transport` is for tests without a socket.
    """

    def __init__(
        self,
        deadline_s: float,
        ca_file: Path | None,
        *,
        headers: Mapping[str, str] | None = None,
        sign: Callable[[bytes], Mapping[str, str]] | None = None,
        secrets: Iterable[str] = (),
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.deadline_s = deadline_s
        self._sign = sign
        self._secrets = tuple(secret for secret in secrets if secret)
        self._client = httpx.AsyncClient(
            timeout=deadline_s,
            verify=ssl.create_default_context(cafile=ca_file),
            trust_env=False,  # orders go where the plant file says, not where the environment's proxy is
            headers={"Accept-Encoding": "identity", "User-Agent": "jidoka", **(headers or {})},
            transport=transport,
        )

    async def start(self) -> None:
        """Nothing to do: connections are made when needed."""

    async def stop(self) -> None:
        await self._client.aclose()

    async def call(
        self,
        method: str,
        url: str,
        *,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Reply | Answer:
        """One request. An Answer when nobody answered: AWAY if it was surely not sent, else UNKNOWN."""
        sent = {**telemetry.inject(), **(self._sign(content) if self._sign else {}), **(headers or {})}
        try:
            async with asyncio.timeout(self.deadline_s):
                return await self._exchange(method, url, content, sent, query)
        except _NEVER_SENT as error:
            return Answer(Outcome.AWAY, reason=self.redacted(f"{method}: {error or type(error).__name__}"))
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, TimeoutError) as error:
            return Answer(Outcome.UNKNOWN, reason=f"{method}: no answer: {type(error).__name__}")

    async def ask(
        self,
        method: str,
        url: str,
        *,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        words: Callable[[Reply], str] | None = None,
    ) -> Reply | Answer:
        """The Reply if its status is a 2xx, else what the status means, in the system's own `words`."""
        reply = await self.call(method, url, content=content, headers=headers, query=query)
        if isinstance(reply, Answer) or reply.good:
            return reply
        return self.clean(reply.refusal(words(reply) if words else None))

    @overload
    async def within(self, work: Awaitable[Answer]) -> Answer: ...

    @overload
    async def within(self, work: Awaitable[T], otherwise: Callable[[Answer], T]) -> T: ...

    async def within(self, work: Awaitable[Any], otherwise: Callable[[Answer], Any] = lambda answer: answer) -> Any:
        """Several calls that are one to the caller: all of them inside one deadline."""
        try:
            async with asyncio.timeout(self.deadline_s):
                return await work
        except TimeoutError:
            return otherwise(Answer(Outcome.UNKNOWN, reason=f"no answer within {self.deadline_s:g} s"))

    def clean(self, answer: Answer) -> Answer:
        """The same answer without our secrets."""
        return Answer(answer.outcome, answer.external_id, self.redacted(answer.reason), answer.retry_after_s)

    def redacted(self, text: str) -> str:
        """`text` in one line, without our secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return legible(text)

    async def _exchange(
        self, method: str, url: str, content: bytes, headers: Mapping[str, str], query: Mapping[str, str] | None
    ) -> Reply | Answer:
        async with self._client.stream(method, url, content=content, headers=headers, params=query) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LONGEST_ANSWER:
                    return Answer(Outcome.UNKNOWN, reason=f"{method}: an answer of more than {LONGEST_ANSWER} bytes")
            return Reply(method, response.status_code, response.headers, bytes(body))


def garbled(reply: Reply, expected: str) -> Answer:
    """A good status with a body that cannot be read: after a read nothing happened; after a write nobody knows."""
    outcome = Outcome.AWAY if reply.method in ("GET", "HEAD") else Outcome.UNKNOWN
    return Answer(outcome, reason=f"{reply.method}: {reply.status} is not {expected}")
